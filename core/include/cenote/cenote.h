// SPDX-License-Identifier: ISC
/// @file
/// libcenote: plays a Poolformer (arXiv 2510.02206), one audio sample a step.
///
/// A *model* is weights; a *voice* is one playing stream of it. Load time may fail and says why;
/// audio time (functions marked CENOTE_RT) cannot fail, allocates nothing, locks nothing and calls
/// no system. A *step* is one turn of the model, a *code* its output (0..255), a *frame* one
/// instant of sound.
#ifndef CENOTE_CENOTE_H
#define CENOTE_CENOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CENOTE_API __attribute__((visibility("default")))
#else
#define CENOTE_API
#endif

/// Marks audio time. Where the compiler can check it (clang >= 20), it does.
#if defined(__clang_major__) && __clang_major__ >= 20
#define CENOTE_RT __attribute__((nonblocking))
#else
#define CENOTE_RT
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CENOTE_CLASSES 256 ///< codes a model chooses from

/// @name Errors
/// @{

typedef enum CenoteStatus {
  CENOTE_OK = 0,
  CENOTE_NO_MEMORY,    ///< an allocation failed
  CENOTE_BAD_ARGUMENT, ///< a value out of its range
  CENOTE_FILE_ERROR,   ///< a file could not be opened, read or written
  CENOTE_BAD_MODEL,    ///< a weights file that is not one, or is damaged
  CENOTE_BAD_STATE,    ///< a saved state that is damaged, or of another model
  CENOTE_NOT_FOUND     ///< no such preset
} CenoteStatus;

/// Why a call failed, in one line without a line end.
typedef struct CenoteError {
  char text[1024];
} CenoteError;

/// One static sentence for a status.
CENOTE_API const char *cenote_strerror(CenoteStatus status);

/// The library's version, "major.minor.patch".
CENOTE_API const char *cenote_version(void);

/// @}
/// @name Models
/// @{

/// Weights. Never changes after load, so threads may share it.
typedef struct CenoteModel CenoteModel;

/// How the products of a step are computed. State, norms, pooling and logits are float32 in all.
typedef enum CenotePrecision {
  CENOTE_AUTO, ///< the fastest that the file's own metadata allows; float32 if it says nothing
  CENOTE_F32,
  CENOTE_BF16, ///< weights and their inputs in bfloat16
  CENOTE_INT8, ///< in 8 bits: weights with a scale a row (or finer), inputs with one a vector
  CENOTE_INT4  ///< weights in 4 bits with a scale for 32, inputs in 8; an experiment
} CenotePrecision;

/// "f32", "bf16", "int8", "int4"; "auto".
CENOTE_API const char *cenote_precision_name(CenotePrecision precision);

/// False when no precision has this name.
CENOTE_API bool cenote_precision_find(const char *name, CenotePrecision *out);

typedef enum CenoteEncoding { CENOTE_MULAW, CENOTE_LINEAR } CenoteEncoding;

/// What a loaded model is. Strings live as long as the model.
typedef struct CenoteModelInfo {
  const char *name;        ///< the file's "name", or the file's own name
  const char *config_json; ///< the configuration, compact JSON
  const char *kernel;      ///< kernel table in use: "avx512", "portable", ...
  const char *precision;   ///< of the products: "f32", ...
  const char *stored;      ///< what the file holds its matrices in: "f32", "f16", "bf16", "int8",
                           ///< "mixed"
  CenoteEncoding encoding; ///< between code and sample value
  bool min_max_scaling;    ///< clips are stretched to [-1,1] before encoding
  uint32_t sample_rate_hz; ///< steps a second
  uint32_t levels;         ///< pooling levels, the sample rate's included
  uint32_t baseline;       ///< code read before the first
  uint32_t period;         ///< steps after which all levels fall due together
  uint64_t parameters;     ///< weights in the file
  uint64_t hash;           ///< of configuration and weights; equal hash, equal model
  double macs_mean;        ///< multiply-adds a step, mean over a period
  uint64_t macs_worst;     ///< the same, when all levels fall due
  double ahead_ms;         ///< longest backlog on a machine that just keeps real time
  size_t bytes;            ///< memory of the packed weights
  size_t voice_bytes;      ///< memory of one voice
  size_t state_bytes;      ///< size of a saved state
} CenoteModelInfo;

/// One level of the pooling pyramid; 0 runs at the sample rate.
typedef struct CenoteLevelInfo {
  uint32_t width;  ///< features
  uint32_t hidden; ///< real numbers of state in each recurrent layer
  uint32_t every;  ///< runs once in so many steps
  uint32_t blocks; ///< residual blocks, down and up together
  uint64_t macs;   ///< multiply-adds each time it runs, its pools included
} CenoteLevelInfo;

/// Read a weights file (MODEL.md section 6). Nothing refers to the file afterwards.
/// On failure *out is NULL and err (may be NULL) names the file and the tensor or key at fault.
/// The kernels are the best for this machine, or those that $CENOTE_ISA names; all give the same
/// bits.
CENOTE_API CenoteStatus cenote_model_load_as(const char *path, CenotePrecision precision,
                                             CenoteModel **out, CenoteError *err);

/// The same with CENOTE_AUTO.
CENOTE_API CenoteStatus cenote_model_load(const char *path, CenoteModel **out, CenoteError *err);

/// NULL is fine; free its voices first.
CENOTE_API void cenote_model_free(CenoteModel *model);

CENOTE_API CENOTE_RT const CenoteModelInfo *cenote_model_info(const CenoteModel *model);

/// False when the model has no such level.
CENOTE_API bool cenote_model_level(const CenoteModel *model, uint32_t level, CenoteLevelInfo *out);

/// The file's own notes (name, author, license, ...): key and value number `index`, in the file's
/// order. False past the last.
CENOTE_API bool cenote_model_note(const CenoteModel *model, size_t index, const char **key,
                                  const char **value);

/// A note to be written; value NULL leaves the file's own one out.
typedef struct CenoteNote {
  const char *key;
  const char *value;
} CenoteNote;

/// Write the weights of file `path` again, narrower, to `out`: matrices in CENOTE_BF16, or in
/// CENOTE_INT8 with `groups` scales a row where its columns divide so, one elsewhere (and with
/// bf16, where groups is 1). The rest stays as it is. Such a file's products are, bit for bit,
/// those of the original loaded in that precision, with one scale a row. The file's notes stay but
/// for those given. Written aside, then renamed over `out`; the same call, the same bytes. Refuses
/// weights that are int8 already.
CENOTE_API CenoteStatus cenote_quantize(const char *path, const char *out,
                                        CenotePrecision precision, uint32_t groups,
                                        const CenoteNote *note, size_t notes, CenoteError *err);

/// Sample value in [-1,1] of each code: 256 numbers.
CENOTE_API const float *cenote_model_samples(const CenoteModel *model);

/// Codes of a clip as the model was trained to read them: min_max_scaling over the clip if its
/// metadata says so, then mu-law or linear. `samples` count[in int16 units, -32768..32767].
CENOTE_API void cenote_model_encode(const CenoteModel *model, const float *samples, size_t count,
                                    uint8_t *codes);

/// The code of one sample value in [-1,1], as it comes; without min_max_scaling, which needs a
/// whole clip.
CENOTE_API CENOTE_RT uint8_t cenote_model_code(const CenoteModel *model, float sample);

/// @}
/// @name Voices
/// @{

/// One playing stream: state of every level, sampler and controls. One thread at a time.
/// Borrows its model.
typedef struct CenoteVoice CenoteVoice;

/// A voice at rest: zero state, seed 0, temperature 1, top-k and top-p off.
CENOTE_API CenoteStatus cenote_voice_new(const CenoteModel *model, CenoteVoice **out);

/// NULL is fine.
CENOTE_API void cenote_voice_free(CenoteVoice *voice);

CENOTE_API CENOTE_RT const CenoteModel *cenote_voice_model(const CenoteVoice *voice);

/// State and random numbers from the start; seed and controls stay.
CENOTE_API CENOTE_RT void cenote_voice_reset(CenoteVoice *voice);

/// New random numbers, counted from this step on. The state stays.
CENOTE_API CENOTE_RT void cenote_voice_set_seed(CenoteVoice *voice, uint64_t seed);

/// 0..4; 0 takes the likeliest code. Out of range is clamped, NaN ignored; so in all setters.
CENOTE_API CENOTE_RT void cenote_voice_set_temperature(CenoteVoice *voice, float temperature);
/// 1..256; 256 is off.
CENOTE_API CENOTE_RT void cenote_voice_set_top_k(CenoteVoice *voice, uint32_t top_k);
/// 0..1; 1 is off, 0 keeps the likeliest code.
CENOTE_API CENOTE_RT void cenote_voice_set_top_p(CenoteVoice *voice, float top_p);

CENOTE_API CENOTE_RT uint64_t cenote_voice_seed(const CenoteVoice *voice);
CENOTE_API CENOTE_RT float cenote_voice_temperature(const CenoteVoice *voice);
CENOTE_API CENOTE_RT uint32_t cenote_voice_top_k(const CenoteVoice *voice);
CENOTE_API CENOTE_RT float cenote_voice_top_p(const CenoteVoice *voice);

/// Generate: `frames` steps, out[frames] in [-1,1] at the model's rate. The samples are a function
/// of weights, kernel, seed and events alone, whatever the block size or the caller's FPU mode.
/// A voice whose state stopped being finite fades to zero within the call and stays silent.
CENOTE_API CENOTE_RT void cenote_voice_render(CenoteVoice *voice, float *out, uint32_t frames);

/// Several voices at once: voice v writes out[v][frames]. Voices of one model that stand side by
/// side in the list go through the weights together, which costs far less than one by one; each
/// makes the samples that it would make alone, whatever the others do.
CENOTE_API CENOTE_RT void cenote_voices_render(CenoteVoice *const *voice, uint32_t voices,
                                               float *const *out, uint32_t frames);

/// Listen: run `steps` steps with the codes given instead of drawn ones (teacher forcing). What is
/// rendered next continues them. logits[steps][256] (may be NULL) are the answers *before* each
/// code is seen. Returns the sum of -log2 p(code), NaN once the state is not finite.
CENOTE_API CENOTE_RT double cenote_voice_listen(CenoteVoice *voice, const uint8_t *codes,
                                                uint32_t steps, float *logits);

/// Several voices at once: voice v hears codes[v][steps]; logits[v][steps][256] (logits may be
/// NULL), and bits[v] is what cenote_voice_listen returns.
CENOTE_API CENOTE_RT void cenote_voices_listen(CenoteVoice *const *voice, uint32_t voices,
                                               const uint8_t *const *codes, uint32_t steps,
                                               float *const *logits, double *bits);

/// False once the state stopped being finite: the voice is silent until reset or restored.
CENOTE_API CENOTE_RT bool cenote_voice_finite(const CenoteVoice *voice);

/// Steps since the voice began or was reset.
CENOTE_API CENOTE_RT uint64_t cenote_voice_steps(const CenoteVoice *voice);

/// Copy the whole voice (state, sampler, controls) into state[CenoteModelInfo.state_bytes].
/// The copy is self-describing and holds the model's hash and name; it may be written to a file,
/// which cenote_state_seal guards against damage.
CENOTE_API CENOTE_RT void cenote_voice_save(const CenoteVoice *voice, void *state);

/// Go on from a saved state, bit for bit. Nothing changes unless it returns CENOTE_OK.
CENOTE_API CENOTE_RT CenoteStatus cenote_voice_restore(CenoteVoice *voice, const void *state,
                                                       size_t bytes);

/// Why cenote_voice_restore would refuse these bytes, in one line naming both models.
/// CENOTE_OK when it would not.
CENOTE_API CenoteStatus cenote_state_check(const CenoteModel *model, const void *state,
                                           size_t bytes, CenoteError *err);

/// Put a check sum of a saved state into it, so that one changed since is refused by
/// cenote_state_check and by cenote_state_hash. A state without one is taken as it is.
CENOTE_API void cenote_state_seal(void *state, size_t bytes);

/// CenoteModelInfo.hash of the model that a saved state is of; 0 when the bytes are none, or are
/// not those that were sealed.
CENOTE_API uint64_t cenote_state_hash(const void *state, size_t bytes);

/// CenoteModelInfo.name of that model into name[size], cut to it; "" when the bytes are no state.
CENOTE_API void cenote_state_model(const void *state, size_t bytes, char *name, size_t size);

/// -log2 softmax(logits)[code], in bits.
CENOTE_API double cenote_bits(const float *logits, uint8_t code);

/// Go on from where `from` is: its state, sampler and controls. CENOTE_BAD_STATE, and no change,
/// when it plays another model.
CENOTE_API CENOTE_RT CenoteStatus cenote_voice_copy(CenoteVoice *voice, const CenoteVoice *from);

/// Go on from the mix (1 - x) a + x b of two saved states: recurrent states, conv windows and held
/// outputs of the levels are mixed, and the rest (last code, phases, seed, sampler, controls, units
/// half gathered) is that of the nearer one, a below x = 0.5. x = 0 is exactly a, x = 1 exactly b.
/// `level` -1: the whole state. Else only that level is mixed into the voice, which keeps the rest.
/// CENOTE_BAD_STATE when one is not a state of this model, CENOTE_BAD_ARGUMENT when x is NaN or
/// there is no such level; nothing changes then.
CENOTE_API CENOTE_RT CenoteStatus cenote_voice_morph(CenoteVoice *voice, const void *a,
                                                     size_t a_bytes, const void *b, size_t b_bytes,
                                                     float x, int level);

/// Measure how surprising the codes are. Off at first, and free then. On, it takes every 16th code
/// drawn and every code heard. It changes no sample, and is no part of a saved state.
CENOTE_API CENOTE_RT void cenote_voice_set_meter(CenoteVoice *voice, bool on);

/// Sum of -log2 p over the codes measured since the last such call, *codes of them (may be NULL).
/// p is the model's own probability, whatever the sampler makes of it.
CENOTE_API CENOTE_RT double cenote_voice_bits(CenoteVoice *voice, uint32_t *codes);

/// @}
/// @name Levels
/// Controls of each level of the pooling pyramid: 0 runs at the sample rate, and each next one
/// *falls due* once in so many runs of the level above it. A level that does not exist is ignored,
/// and has neutral values. At neutral values a voice makes the very samples that it makes without
/// them. They are part of a saved state; reset keeps them, but drops ticks not yet taken.
/// @{

/// 0..4, 1 neutral: scales what the level adds to the one above; of level 0, what the head reads.
CENOTE_API CENOTE_RT void cenote_voice_set_level_gain(CenoteVoice *voice, uint32_t level,
                                                      float gain);
/// Frozen, the level and so all below it do not run; its last output is held. Level 0 frozen: the
/// last sample is held, and no random number drawn.
CENOTE_API CENOTE_RT void cenote_voice_set_level_freeze(CenoteVoice *voice, uint32_t level,
                                                        bool freeze);
/// 0..4, 1 neutral: runs for each time that the level falls due. Parts of a run add up until they
/// are one; 0 runs only on a tick. Several runs read the same input. Level 0: steps for each
/// sample, the last of which sounds; listening takes one step a code whatever this and freeze say.
CENOTE_API CENOTE_RT void cenote_voice_set_level_clock(CenoteVoice *voice, uint32_t level,
                                                       float ratio);
/// 0..1, 0 neutral: after each run of a recurrent layer of the level, near-Gaussian noise of so
/// much times its state's root mean square is added to that state, and the sum scaled to the size
/// that the state had. A function of the seed and of how often the level ran; it takes none of the
/// sampler's random numbers.
CENOTE_API CENOTE_RT void cenote_voice_set_level_noise(CenoteVoice *voice, uint32_t level,
                                                       float amount);
/// One run more, the next time that the level falls due, even if it is frozen. Up to 16 wait, and
/// are taken one each time.
CENOTE_API CENOTE_RT void cenote_voice_level_tick(CenoteVoice *voice, uint32_t level);
/// Zero the level's recurrent states, conv windows and held output. Phases stay.
CENOTE_API CENOTE_RT void cenote_voice_level_reset(CenoteVoice *voice, uint32_t level);

CENOTE_API CENOTE_RT float cenote_voice_level_gain(const CenoteVoice *voice, uint32_t level);
CENOTE_API CENOTE_RT bool cenote_voice_level_freeze(const CenoteVoice *voice, uint32_t level);
CENOTE_API CENOTE_RT float cenote_voice_level_clock(const CenoteVoice *voice, uint32_t level);
CENOTE_API CENOTE_RT float cenote_voice_level_noise(const CenoteVoice *voice, uint32_t level);

/// Times that the level ran since the voice began or was reset.
CENOTE_API CENOTE_RT uint64_t cenote_voice_level_runs(const CenoteVoice *voice, uint32_t level);

/// @}
/// @name Where the time goes
/// @{

/// What a step is made of.
typedef enum CenoteLayer {
  CENOTE_LAYER_RGLRU, ///< residual blocks around an RG-LRU
  CENOTE_LAYER_LRU,   ///< residual blocks around an LRU
  CENOTE_LAYER_CONV,  ///< residual blocks around a causal conv
  CENOTE_LAYER_MLP,   ///< residual blocks around an MLP
  CENOTE_LAYER_POOL,  ///< pools between a level and the next one down, both ways
  CENOTE_LAYER_ENDS,  ///< input, last norm and head
  CENOTE_LAYER_SAMPLE ///< checking the logits and drawing a code
} CenoteLayer;

/// "rglru", "lru", "conv", "mlp", "pools", "input+head", "sampling".
CENOTE_API const char *cenote_layer_name(CenoteLayer layer);

/// The parts of one kind in one level. Each figure is for a step, in the mean over a period.
typedef struct CenoteLayerTime {
  uint32_t level;
  CenoteLayer layer;
  uint32_t blocks; ///< of the kind; 1 for what is no residual block
  double us;       ///< of all voices: the mean over the period of each phase's fastest repeat
  double bytes;    ///< of weights read, for all voices together
  double macs;     ///< multiply-adds of each voice; all parts together CenoteModelInfo.macs_mean
} CenoteLayerTime;

/// Run 1 to 16 voices of the model, side by side and in phase, for `steps` steps (and one period
/// before) and time each part of them. *out[*count] is the caller's to free.
CENOTE_API CenoteStatus cenote_model_profile(const CenoteModel *model, uint32_t voices,
                                             uint64_t steps, CenoteLayerTime **out, size_t *count);

/// @}
/// @name Resampler
/// @{

/// Mono band-limited resampler (libsamplerate).
typedef struct CenoteResampler CenoteResampler;

typedef enum CenoteQuality {
  CENOTE_LIVE, ///< SRC_SINC_MEDIUM_QUALITY
  CENOTE_BEST  ///< SRC_SINC_BEST_QUALITY
} CenoteQuality;

/// Rates within a factor of 256 of each other.
CENOTE_API CenoteStatus cenote_resampler_new(double in_hz, double out_hz, CenoteQuality quality,
                                             CenoteResampler **out);
/// NULL is fine.
CENOTE_API void cenote_resampler_free(CenoteResampler *resampler);
/// As newly made.
CENOTE_API CENOTE_RT void cenote_resampler_reset(CenoteResampler *resampler);
/// Frames out for one frame in, from the next frame on.
CENOTE_API CENOTE_RT void cenote_resampler_set_ratio(CenoteResampler *resampler, double ratio);
/// Take up to in_frames from `in`, put up to out_frames into `out`; *used and *made say how many.
/// `last` marks the end of the input: what the filter still holds comes out, until *made is 0.
CENOTE_API CENOTE_RT void cenote_resampler_process(CenoteResampler *resampler, const float *in,
                                                   uint32_t in_frames, uint32_t *used, float *out,
                                                   uint32_t out_frames, uint32_t *made, bool last);

/// @}
/// @name Presets
/// @{

/// Path of the weights that `arg` names. With '/' or ".safetensors" in it, it is a file and is
/// copied as it is; otherwise a preset, looked up in $CENOTE_PRESET_PATH (colon-separated),
/// $XDG_DATA_HOME/cenote/presets, beside the program in a build tree, and the installed data
/// folder. CENOTE_NOT_FOUND lists the presets there are. NULL names the default preset.
CENOTE_API CenoteStatus cenote_find_model(const char *arg, char *path, size_t size,
                                          CenoteError *err);

/// The folder of preset `name` (NULL: the default one); same search.
CENOTE_API CenoteStatus cenote_find_preset(const char *name, char *folder, size_t size,
                                           CenoteError *err);

/// Preset number `index`, each name once, in search order: its name and folder. False past the
/// last.
CENOTE_API bool cenote_list_presets(size_t index, char *name, size_t name_size, char *folder,
                                    size_t folder_size);

/// @}

#ifdef __cplusplus
}
#endif

#endif
