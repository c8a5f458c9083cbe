// SPDX-License-Identifier: ISC
// One step of the whole model: down through the levels that fall due, and up again. A level falls
// due on the step that completes its unit in the pool above it, so all levels from 0 to some depth
// run and the others wait.
#include "rt/rt.h"

#include <string.h>

CENOTE_RT static void run(const CenoteModel *model, const CnBlock *block, uint32_t blocks,
                          CnState *state, const CnScratch *scratch, float *x)
{
  for (uint32_t j = 0; j < blocks; ++j)
    cn_block(model->kernels, &block[j], state->number, scratch, x);
}

CENOTE_RT void cn_step(const CenoteModel *model, CnState *state, const CnScratch *scratch,
                       uint32_t code)
{
  const CnKernels *kernels = model->kernels;
  float *const *x = scratch->x;
  memcpy(x[0], model->input + (size_t)code * model->input_stride,
         model->input_stride * sizeof *x[0]);
  uint32_t depth = 0; // of the deepest level that runs in this step
  for (;; ++depth) {
    const CnLevel *level = &model->level[depth];
    run(model, level->down, level->downs, state, scratch, x[depth]);
    if (depth + 1 == model->levels) break;
    if (!cn_pool_push(kernels, &level->pool, state->number, &state->phase[depth], x[depth],
                      scratch->mixed, x[depth + 1]))
      break;
  }
  for (uint32_t i = depth + 1; i-- > 0;) {
    const CnLevel *level = &model->level[i];
    if (i + 1 < model->levels) {
      if (i < depth) cn_pool_take(&level->pool, state->number, &state->primed[i], x[i + 1]);
      cn_pool_pull(kernels, &level->pool, state->number, state->phase[i], state->primed[i],
                   scratch->mixed, x[i]);
    }
    run(model, level->up, level->ups, state, scratch, x[i]);
  }
  kernels->layer_norm(scratch->normed, x[0], model->norm, model->norm_bias, model->level[0].width);
  kernels->matvec(scratch->logits, &model->head, scratch->normed);
}
