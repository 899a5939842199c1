/* The triple buffer of params.h. */
#include "params.h"

#include "atomic.h"

#define FRESH 4u /* set in `middle` by the writer, cleared by the reader */
#define INDEX 3u

void params_init(ag06_params *params, const ag06_chain_block *block)
{
    params->front = 0;
    params->back = 2;
    store32_release(&params->middle, 1);
    for (int i = 0; i < 3; i++)
        params->blocks[i] = *block;
    store_relaxed(&params->taken, block->sequence);
}

void ag06_params_publish(ag06_params *params, const ag06_chain_block *block)
{
    params->blocks[params->back] = *block;
    params->back = exchange32(&params->middle, params->back | FRESH) & INDEX;
}

const ag06_chain_block *params_newest(const ag06_params *params)
{
    const uint32_t middle = load32_acquire(&params->middle);

    /* Taken, it is the one that is neither here nor there. The reader's own `front` may be behind:
     * it could be killed, or just be, between taking and noting so. */
    return &params->blocks[middle & FRESH ? middle & INDEX : 3 - params->back - middle];
}

int params_fresh(const ag06_params *params)
{
    return (load32_acquire(&params->middle) & FRESH) != 0;
}

const ag06_chain_block *params_take(ag06_params *params)
{
    params->front = exchange32(&params->middle, params->front) & INDEX;
    return params_front(params);
}

const ag06_chain_block *params_front(const ag06_params *params)
{
    return &params->blocks[params->front];
}
