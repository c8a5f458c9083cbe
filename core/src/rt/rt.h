// SPDX-License-Identifier: ISC
// The structs of audio time: a packed model, which never changes, and a voice, which is one block.
#ifndef CN_RT_H
#define CN_RT_H

#include "config.h"
#include "kernels/kernels.h"
#include "rt/sampler.h"

#include <cenote/cenote.h>

/// Numbers over which a voice that stopped being finite fades out.
enum { CN_FADE = 64 };

/// What it takes to run a part once: multiply-adds of a voice, bytes of packed weights read.
typedef struct CnCost {
  uint64_t macs;
  size_t bytes;
} CnCost;

/// A residual block, packed. Offsets of state are in floats from the start of CnState.number.
typedef struct CnBlock {
  CnEntry entry;
  uint32_t width;         ///< of the stream
  uint32_t inner;         ///< width of the layer's output
  const float *norm;      ///< weight[width]; NULL: no norm
  const float *norm_bias; ///< NULL: RMSNorm
  CnMatrix front;         ///< rows of the gate, then, from value_at on, those of mlp or rnn.in
  uint32_t value_at;      ///< 0: no gating
  CnMatrix layer;         ///< a conv without groups over [taps][width]
  CnMatrix rnn_in;        ///< behind a temporal conv; else in front
  CnMatrix rnn_out;       ///< [width][hidden]
  CnMatrix out;           ///< [width][inner]
  CnDiagonal conv;        ///< grouped conv over [group][taps][width / groups]; blocks 0: none
  const float *conv_norm; ///< weight[width] of the temporal conv's norm; NULL: no temporal conv
  const float *conv_norm_bias;
  CnDiagonal gate_x; ///< blocks 0: LRU
  CnDiagonal gate_a;
  CnRecurrence recurrence;
  uint32_t taps;    ///< of the conv, 0: none
  uint32_t groups;  ///< of the conv
  size_t window_at; ///< state: the conv's last `taps` inputs, [group][taps][width / groups]
  uint32_t hidden;  ///< numbers of h, 0: not recurrent
  size_t hidden_at; ///< state: h, real parts then imaginary ones
  CnCost cost;
} CnBlock;

/// The two pools between a level and the next one down, cut by phase so that each step does its
/// share: partial sums on the way down, one row of outputs on the way up.
typedef struct CnPool {
  uint32_t factor;
  uint32_t features; ///< wide / width
  uint32_t width;
  uint32_t wide; ///< width of the next level
  bool dense;
  const float *down_bias;      ///< [wide]
  const float *down;           ///< conv: [phase][wide]
  const float *up_bias;        ///< conv: [width]
  const float *up;             ///< conv: [phase][features][width]
  const CnMatrix *down_matrix; ///< dense: [phase], each [wide][width], without bias
  const CnMatrix *up_matrix;   ///< dense: [phase], each [width][wide]
  size_t sum_at;               ///< state: the open unit's pooled column, [wide]
  size_t deep_at;              ///< state: the last output of the level below, [wide]
  CnCost cost;                 ///< of one phase, both ways
} CnPool;

typedef struct CnLevel {
  uint32_t width;
  uint32_t downs;
  uint32_t ups;
  CnBlock *down; ///< the deepest level's stack too
  CnBlock *up;
  CnPool pool;   ///< of the level to the next; unused in the deepest
  uint64_t macs; ///< multiply-adds each time the level runs
} CnLevel;

/// A level's controls, and what they have in hand. At neutral values (1, 1, 0, 0) a level runs as
/// it would without them.
typedef struct CnControl {
  float gain;      ///< 0..4
  float clock;     ///< 0..4: runs each time it falls due
  float noise;     ///< 0..1
  uint32_t freeze; ///< 0, 1
  uint32_t ticks;  ///< still to be taken, up to CN_TICKS
  float owed;      ///< 0..1, 1 excluded: the part of a run that clock has gathered
} CnControl;

enum {
  CN_TICKS = 16, ///< that wait at most
  CN_RUNS = 4    ///< of a level that clock asks for at most, each time it falls due
};

/// Begins a saved state: its form.
#define CN_STATE_MAGIC "CENOTE3"

/// What a voice is made of, and what a saved state holds: this header, then the floats of every
/// recurrent state, conv window and pool.
typedef struct CnState {
  char magic[8];       ///< CN_STATE_MAGIC
  uint64_t bytes;      ///< of the whole
  uint64_t seal;       ///< of a file: cenote_state_seal's check sum; 0 in memory
  uint64_t model_hash; ///< CenoteModelInfo.hash
  char model_name[64];
  char kernel[16]; ///< whose arithmetic made it; for the curious, not checked
  uint64_t steps;  ///< since the beginning or reset
  uint64_t draws;  ///< since the seed was set: Philox's counter
  uint64_t seed;
  CnSampler sampler;
  uint32_t code;                  ///< last code, the next step's input
  uint32_t finite;                ///< 0 once it stopped being so
  uint32_t fade;                  ///< numbers of the fade still to come
  float last_sample;              ///< what the fade starts from
  uint32_t phase[CN_MAX_LEVELS];  ///< numbers in the open unit of each pool
  uint32_t primed[CN_MAX_LEVELS]; ///< whether a unit of the pool has ever been completed
  uint64_t runs[CN_MAX_LEVELS];   ///< of each level, since the beginning or reset
  CnControl control[CN_MAX_LEVELS];
  float number[];
} CnState;

struct CenoteModel {
  CenoteModelInfo info;
  CnConfig config;
  const CnKernels *kernels;
  bool brief; ///< elementary functions to four digits
  uint32_t levels;
  CnLevel level[CN_MAX_LEVELS];
  const float *input; ///< [256][base_dim rounded up to CN_PANEL]: what each code becomes
  uint32_t input_stride;
  const float *norm; ///< last norm
  const float *norm_bias;
  CnMatrix head;
  CnCost ends; ///< of input, last norm and head
  float sample[CENOTE_CLASSES];
  size_t state_floats;
  size_t scratch_floats;
  size_t wide_floats; ///< length of each of the scratch vectors of CnScratch
  // Load time only.
  char *name;
  char *config_json;
  char **note; ///< key, value, key, value, ...
  size_t notes;
  char *arena;
  CnBlock *blocks;
  CnMatrix *pool_matrices;
};

/// Vectors of one step; none is kept between steps.
typedef struct CnScratch {
  float *x[CN_MAX_LEVELS]; ///< the residual stream of each level
  float *normed;
  float *mixed; ///< temporal conv, block outputs
  float *front; ///< gate, value or u
  float *value;
  float *gate_x;
  float *gate_a;
  float *logits;
  CnVector vector; ///< what the next product reads; its room is a scratch vector too
  uint32_t most;   ///< bits of the largest size in what the next product reads, or CN_UNKNOWN
} CnScratch;

enum { CN_SCRATCH_VECTORS = 7 }; ///< of CenoteModel.wide_floats each

struct CenoteVoice {
  const CenoteModel *model;
  CnScratch scratch;
  float *scratch_block; ///< where scratch's vectors lie
  CnState *state;
  bool even;  ///< each level runs once each time it falls due: voices that are so go side by side
  bool meter; ///< every CN_METER_EVERYth code drawn and every one heard is measured
  uint32_t measured; ///< codes
  double bits;       ///< of those
};

enum { CN_METER_EVERY = 16 };

// What follows works on `voices` voices (at most CN_BATCH) of one model side by side; each does
// exactly what it would do alone.

/// Load time's way to time the parts of a step: told after each of them which it was.
typedef struct CnProbe CnProbe;
struct CnProbe {
  void (*mark)(CnProbe *probe, uint32_t level, CenoteLayer layer);
};

/// One step each: reads voice->state->code, leaves logits in voice->scratch.logits. In audio time
/// probe is NULL.
CENOTE_RT void cn_step(const CenoteModel *model, CenoteVoice *const *voice, uint32_t voices,
                       CnProbe *probe);

/// One step of one voice whose levels run as their controls say; the same at neutral values.
CENOTE_RT void cn_step_alone(CenoteVoice *voice);

/// A step, and what it makes: sample number `frame` of each voice, out[v][frame]. The voices are of
/// one model.
CENOTE_RT void cn_turn(CenoteVoice *const *voice, uint32_t voices, float *const *out,
                       uint32_t frame, CnProbe *probe);

/// One residual block on scratch.x[level][width].
CENOTE_RT void cn_block(const CenoteModel *model, const CnBlock *block, uint32_t level,
                        CenoteVoice *const *voice, uint32_t voices);

/// scratch.value[width] of the block's RG-LRU or LRU for n[v][width]; without a temporal conv,
/// u is already there.
CENOTE_RT void cn_recur(const CenoteModel *model, const CnBlock *block, CenoteVoice *const *voice,
                        uint32_t voices, const float *const *n);

/// y[v][width] = causal conv of the stream that n[v][width] continues.
CENOTE_RT void cn_conv(const CnKernels *kernels, const CnBlock *block, CenoteVoice *const *voice,
                       uint32_t voices, const float *const *n, float *const *y);

/// y[v] = m x[v] + bias, or that added to it; x[v] is brought into the matrix's form first.
CENOTE_RT void cn_product(const CnKernels *kernels, const CnMatrix *m, CenoteVoice *const *voice,
                          uint32_t voices, const float *const *x, float *const *y, bool add);

/// The column scratch.x[level] into the down-pool. True on the step that completes a unit: then
/// scratch.x[level + 1] is its column, and the level below runs in this same step.
CENOTE_RT bool cn_pool_push(const CnKernels *kernels, const CnPool *pool, uint32_t level,
                            CenoteVoice *voice);

/// The level below has made scratch.x[level + 1].
CENOTE_RT void cn_pool_take(const CnPool *pool, uint32_t level, CenoteVoice *voice);

/// scratch.x[level] += this step's row of the up-pool. Before the first completed unit nothing is
/// added, not even the bias.
CENOTE_RT void cn_pool_pull(const CnKernels *kernels, const CnPool *pool, uint32_t level,
                            CenoteVoice *voice);

/// Neutral controls.
CENOTE_RT void cn_levels_neutral(CnState *state);

/// Whether each control is in its range.
CENOTE_RT bool cn_levels_valid(const CnState *head);

/// Finds voice->even again, after a change of controls.
CENOTE_RT void cn_levels_settle(CenoteVoice *voice);

/// The level falls due: how often it runs now. Takes a tick if there is one.
CENOTE_RT uint32_t cn_level_runs(CenoteVoice *voice, uint32_t level);

/// Noise on the recurrent state of a block that has just run, as the level's control says.
CENOTE_RT void cn_level_noise(CnState *state, const CnBlock *block, uint32_t level);

/// State at the beginning: zeros, baseline code. Sampler, seed and the levels' controls stay.
CENOTE_RT void cn_state_reset(const CenoteModel *model, CnState *state);

/// Bytes of a voice before its scratch vectors.
static inline size_t cn_voice_head(void)
{
  return (sizeof(CenoteVoice) + 63) / 64 * 64;
}

/// Whether bytes are a state of this model that can be gone on from.
CENOTE_RT bool cn_state_valid(const CenoteModel *model, const void *state, size_t bytes);

#endif
