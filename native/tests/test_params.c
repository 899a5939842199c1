/* The triple buffer: whole blocks, never an older one, and the newest always arrives. */
#include "atomic.h"
#include "check.h"
#include "params.h"

#include <pthread.h>
#include <string.h>

#define BLOCKS (SANITIZED ? 200000u : 2000000u)
#define FIELDS ((sizeof(ag06_chain_block) - sizeof(uint64_t)) / sizeof(double))

/* Every field is the sequence, so that two blocks in one are seen. */
static ag06_chain_block block_of(uint64_t sequence)
{
    ag06_chain_block block;
    double fields[FIELDS];

    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = (double)sequence;
    block.sequence = sequence;
    memcpy((char *)&block + sizeof(uint64_t), fields, sizeof fields);
    return block;
}

static void check_whole(const ag06_chain_block *block)
{
    double fields[FIELDS];

    memcpy(fields, (const char *)block + sizeof(uint64_t), sizeof fields);
    for (size_t i = 0; i < FIELDS; i++)
        CHECK_EQUAL((uint64_t)fields[i], block->sequence);
}

static void *publish_all(void *argument)
{
    for (uint64_t sequence = 1; sequence <= BLOCKS; sequence++) {
        const ag06_chain_block block = block_of(sequence);

        ag06_params_publish(argument, &block);
        CHECK_EQUAL(params_newest(argument)->sequence, sequence);
    }
    return NULL;
}

static void blocks_arrive_whole_in_order_and_the_newest_last(void)
{
    static ag06_params params;
    const ag06_chain_block first = block_of(0);
    pthread_t writer;
    uint64_t seen = 0, taken = 0;

    params_init(&params, &first);
    CHECK(pthread_create(&writer, NULL, publish_all, &params) == 0);
    while (seen < BLOCKS) {
        if (params_fresh(&params)) {
            const ag06_chain_block *block = params_take(&params);

            check_whole(block);
            CHECK(block->sequence > seen);
            seen = block->sequence;
            taken++;
            check_whole(block); /* it does not change while it is ours */
        }
        CHECK_EQUAL(params_front(&params)->sequence, seen);
    }
    CHECK(pthread_join(writer, NULL) == 0);
    CHECK(taken > 1 && !params_fresh(&params));
}

static void rewind_keeps_the_newest(void)
{
    ag06_arena *arena = aligned_alloc(64, (ag06_arena_bytes(8000, 0.1) + 63) / 64 * 64);
    ag06_params *params = arena->params;

    CHECK(arena);
    memset(arena, 0, ag06_arena_bytes(8000, 0.1));
    ag06_arena_init(arena, 8000, 0.1);
    for (uint64_t sequence = 1; sequence <= 40; sequence++) {
        const ag06_chain_block block = block_of(sequence);

        ag06_params_publish(params, &block);
        if (sequence % 4 == 0)
            params_take(params);
        if (sequence % 3 == 0)
            ag06_arena_rewind_params(arena);
        CHECK_EQUAL(params_newest(params)->sequence, sequence);
        if (sequence % 3 == 0) {
            CHECK_EQUAL(params_front(params)->sequence, sequence);
            CHECK_EQUAL(params->taken.raw, sequence);
            CHECK(!params_fresh(params));
        }
    }
    free(arena);
}

/* The audio process can be killed anywhere, between the two halves of params_take() too. */
static void a_reader_killed_while_taking_loses_no_block(void)
{
    ag06_arena *arena = aligned_alloc(64, (ag06_arena_bytes(8000, 0.1) + 63) / 64 * 64);
    const ag06_chain_block block = block_of(7);

    CHECK(arena);
    memset(arena, 0, ag06_arena_bytes(8000, 0.1));
    ag06_arena_init(arena, 8000, 0.1);
    ag06_params_publish(&arena->params[0], &block);
    exchange32(&arena->params[0].middle, arena->params[0].front);
    ag06_arena_rewind_params(arena);
    CHECK_EQUAL(params_front(&arena->params[0])->sequence, 7);
    free(arena);
}

int main(void)
{
    give_up_after(120);
    blocks_arrive_whole_in_order_and_the_newest_last();
    rewind_keeps_the_newest();
    a_reader_killed_while_taking_loses_no_block();
    puts("ok params: whole blocks in order between threads, the newest arrives and survives a "
         "rewind");
    return 0;
}
