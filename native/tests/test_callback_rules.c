/*
 * The callback's rules: no allocation, no lock, no file, no print, no system call but
 * clock_gettime, and the caller's floating-point mode left as it was.
 *
 * What the C library offers for the forbidden is replaced by functions that note being called in
 * the callback. What gets past the library meets a seccomp filter. Runs without sanitizers: they
 * replace the same functions. -DBREAK_malloc, -DBREAK_lock and -DBREAK_write break a rule on
 * purpose, to show that it is noticed.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#define ARCHITECTURE AUDIT_ARCH_X86_64
static unsigned int float_mode(void)
{
    return _mm_getcsr() & ~0x3fu; /* without the sticky exception flags */
}
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
static unsigned int float_mode(void)
{
    uint64_t mode;

    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (unsigned int)mode;
}
#endif

#define CALLBACKS 10000
#define REPORT_FD 200 /* the one file that the filter lets the thread write to */

static __thread volatile int in_callback;
static __thread const char *volatile forbidden; /* function called in the callback */

static void note(const char *function)
{
    if (in_callback && !forbidden)
        forbidden = function;
}

/* ---- the replaced functions ---------------------------------------------------------------- */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size)
{
    note("malloc");
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note("calloc");
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    note("realloc");
    return __libc_realloc(old, size);
}

void free(void *old)
{
    note("free");
    __libc_free(old);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    note("memalign");
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note("aligned_alloc");
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    note("posix_memalign");
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

/* name, parameters with and without their types; all of them return int. */
#define FORBID(name, parameters, arguments)            \
    int name parameters                                \
    {                                                  \
        static int(*real) parameters;                  \
                                                       \
        note(#name);                                   \
        if (!real)                                     \
            *(void **)&real = dlsym(RTLD_NEXT, #name); \
        return real arguments;                         \
    }
FORBID(pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
FORBID(pthread_mutex_trylock, (pthread_mutex_t * mutex), (mutex))
FORBID(pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex))
FORBID(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
FORBID(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
FORBID(pthread_rwlock_unlock, (pthread_rwlock_t * lock), (lock))
FORBID(pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
FORBID(pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t *mutex), (cond, mutex))
FORBID(pthread_cond_signal, (pthread_cond_t * cond), (cond))
FORBID(pthread_cond_broadcast, (pthread_cond_t * cond), (cond))
FORBID(pthread_getschedparam, (pthread_t thread, int *policy, struct sched_param *param),
       (thread, policy, param))
FORBID(pthread_setschedparam, (pthread_t thread, int policy, const struct sched_param *param),
       (thread, policy, param))
FORBID(sem_wait, (sem_t * sem), (sem))
FORBID(sem_trywait, (sem_t * sem), (sem))
FORBID(sem_post, (sem_t * sem), (sem))
FORBID(puts, (const char *text), (text))
FORBID(vprintf, (const char *format, va_list list), (format, list))
FORBID(vfprintf, (FILE * file, const char *format, va_list list), (file, format, list))

ssize_t write(int fd, const void *bytes, size_t count)
{
    note("write");
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t read(int fd, void *bytes, size_t count)
{
    note("read");
    return syscall(SYS_read, fd, bytes, count);
}

int open(const char *path, int flags, ...)
{
    note("open");
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

int printf(const char *format, ...)
{
    va_list list;

    note("printf");
    va_start(list, format);
    const int count = vfprintf(stdout, format, list);
    va_end(list);
    return count;
}

int fprintf(FILE *file, const char *format, ...)
{
    va_list list;

    note("fprintf");
    va_start(list, format);
    const int count = vfprintf(file, format, list);
    va_end(list);
    return count;
}

/* ---- the filter ---------------------------------------------------------------------------- */

static void number_to_text(char *end, unsigned number)
{
    do
        *--end = (char)('0' + number % 10);
    while ((number /= 10) > 0);
}

/* In the thread, under the filter: the C library's print would be trapped as well. */
static void on_trapped_call(int signal, siginfo_t *info, void *context)
{
    char text[] = "system call number      ";
    const char *where =
        in_callback ? " in the callback\n" : " by the harness: a mistake of the test\n";

    (void)signal;
    (void)context;
    number_to_text(text + 23, (unsigned)info->si_syscall);
    syscall(SYS_write, REPORT_FD, text, (size_t)23);
    syscall(SYS_write, REPORT_FD, where, strlen(where));
    syscall(SYS_exit_group, 1);
}

#define ALLOW_IF(number)                                 \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* From here on this thread may read the clock (where the vDSO cannot), report and end. */
static void trap_system_calls(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW_IF(SYS_clock_gettime),
        ALLOW_IF(SYS_exit),
        ALLOW_IF(SYS_exit_group),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        ALLOW_IF(REPORT_FD),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    struct sigaction action = {.sa_sigaction = on_trapped_call, .sa_flags = SA_SIGINFO};

    CHECK(dup2(STDERR_FILENO, REPORT_FD) == REPORT_FD);
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* ---- ten thousand callbacks ---------------------------------------------------------------- */

static pthread_mutex_t some_lock = PTHREAD_MUTEX_INITIALIZER;

static void break_a_rule(void)
{
    (void)some_lock;
#if defined(BREAK_malloc)
    void *volatile memory = malloc(16);
    free(memory);
#elif defined(BREAK_lock)
    pthread_mutex_lock(&some_lock);
    pthread_mutex_unlock(&some_lock);
#elif defined(BREAK_write)
    (void)!syscall(SYS_write, STDOUT_FILENO, "", (size_t)0); /* past the library */
#endif
}

static void change_something(rig *on, uint64_t *seed)
{
    ag06_chain_settings settings = random_below(seed, 2) ? rig_busy() : rig_neutral();
    ag06_chain_block block;

    settings.trim.gain_db = random_in(seed, -60, 24);
    settings.comp.enabled = (int32_t)random_below(seed, 2);
    settings.limiter.enabled = (int32_t)random_below(seed, 2);
    settings.highpass.frequency_hz = random_in(seed, 10, 500);
    ag06_chain_design(&settings, on->arena->rate, &block);
    if (random_below(seed, 50) == 0)
        block.eq[random_below(seed, 4)].a1 = NAN;
    rig_publish_block(on, (int)random_below(seed, AG06_SLOTS), &block);
    ag06_arena_switch(on->arena, random_below(seed, 8));
}

static void spoil(float *input, uint64_t *seed)
{
    const float bad[] = {NAN, INFINITY, -1e38f, 1e-42f};

    for (int i = 0; i < 8; i++)
        input[random_below(seed, 32)] = bad[random_below(seed, 4)];
}

/* The only function that runs with the flag set. */
static void call_back(rig *on, const float *input, float *output, unsigned long frames,
                      unsigned long flags)
{
    in_callback = 1;
    ag06_callback(input, output, frames, NULL, flags, on->engine);
    if (on->arena->stats.callbacks.raw == CALLBACKS / 2)
        break_a_rule();
    in_callback = 0;
}

static const char *found; /* by the thread, for after it ended */

static void *callbacks(void *argument)
{
    rig *on = argument;
    float *input = rig_frames(AG06_BLOCK_MAX + 5000);
    float *output = rig_frames(AG06_BLOCK_MAX + 5000);
    const unsigned int mode = float_mode();
    uint64_t seed = 41;

    rig_noise(input, AG06_BLOCK_MAX + 5000, 0.9, &seed);
    ag06_callback(input, output, 64, NULL, 0, on->engine); /* asks for its scheduling */
    change_something(on, &seed); /* and so that everything it calls is bound and mapped */
    trap_system_calls();
    for (int i = 1; i < CALLBACKS; i++) {
        const uint32_t most = random_below(&seed, 100) == 0 ? 9000
                              : random_below(&seed, 10)     ? 512
                                                            : 4096;

        if (random_below(&seed, 3) == 0)
            change_something(on, &seed);
        if (random_below(&seed, 5) == 0)
            spoil(input, &seed);
        call_back(on, random_below(&seed, 50) ? input : NULL, output,
                  16 + random_below(&seed, most - 15), random_below(&seed, 32));
        if (forbidden || float_mode() != mode)
            break;
    }
    if (float_mode() != mode)
        forbidden = "a change of the floating-point mode that lasts";
    found = forbidden;
    syscall(SYS_exit, 0);
    return NULL;
}

int main(void)
{
    rig on = rig_make(48000, 1);
    pthread_t thread;

    give_up_after(120);
    CHECK(pthread_create(&thread, NULL, callbacks, &on) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    if (found) {
        fprintf(stderr, "%s in the callback\n", found);
        return 1;
    }
    CHECK_EQUAL(on.arena->stats.callbacks.raw, CALLBACKS);
    CHECK(on.arena->stats.nan_trips.raw > 0 && on.arena->stats.bad_input_frames.raw > 0);
    puts("ok callback_rules: no allocation, lock, print or system call in 10,000 callbacks");
    return 0;
}
