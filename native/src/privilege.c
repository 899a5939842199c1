/* What a process gives up before it runs code that is not the daemon's. */
#include "ag06_host.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void ag06_renounce_real_time(void)
{
    const struct rlimit none = {0, 0};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    setrlimit(RLIMIT_RTPRIO, &none);
    prctl(PR_CAPBSET_DROP,
          CAP_SYS_NICE); /* for what it may exec; fails where it is not ours to drop */
    if (syscall(SYS_capget, &header, data) != 0)
        return;
    data[CAP_TO_INDEX(CAP_SYS_NICE)].effective &= ~CAP_TO_MASK(CAP_SYS_NICE);
    data[CAP_TO_INDEX(CAP_SYS_NICE)].permitted &= ~CAP_TO_MASK(CAP_SYS_NICE);
    data[CAP_TO_INDEX(CAP_SYS_NICE)].inheritable &= ~CAP_TO_MASK(CAP_SYS_NICE);
    syscall(SYS_capset, &header, data);
}
