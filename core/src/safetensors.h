// SPDX-License-Identifier: ISC
// Safetensors files: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes.
// Read by pread, never mapped: a file cut meanwhile is an error, not a signal.
#ifndef CN_SAFETENSORS_H
#define CN_SAFETENSORS_H

#include <cenote/cenote.h>

#include <stddef.h>
#include <stdint.h>

typedef enum CnDtype { CN_F32, CN_F16, CN_BF16, CN_I32, CN_I8, CN_OTHER } CnDtype;

typedef struct CnTensor {
  char *name;
  CnDtype dtype;
  char dtype_name[8];
  uint32_t rank; ///< at most 8
  uint64_t dim[8];
  uint64_t count; ///< product of dim
  uint64_t begin; ///< first byte in the file
  uint64_t end;   ///< one past the last
} CnTensor;

typedef struct CnFile {
  int fd;
  char *path;
  uint64_t bytes;
  CnTensor *tensor;
  size_t tensors;
  char **key; ///< __metadata__
  char **value;
  size_t notes;
} CnFile;

/// Header read and checked: offsets in the file, without overlap or hole, sizes as the shapes say.
CenoteStatus cn_file_open(const char *path, CnFile *out, CenoteError *err);
/// A struct that open refused is fine.
void cn_file_close(CnFile *file);

/// "[256, 16]".
void cn_shape_text(uint32_t rank, const uint64_t *dim, char *text, size_t size);

const CnTensor *cn_file_find(const CnFile *file, const char *name);
const char *cn_file_note(const CnFile *file, const char *key);

/// Raw bytes of a tensor. Fails when the file ends early.
CenoteStatus cn_file_read(const CnFile *file, const CnTensor *tensor, void *bytes,
                          CenoteError *err);
/// A tensor of F32, F16 or BF16 as floats[count].
CenoteStatus cn_file_read_f32(const CnFile *file, const CnTensor *tensor, float *out,
                              CenoteError *err);

/// What a file to be written holds.
typedef struct CnSave {
  const char *name;
  CnDtype dtype; ///< CN_F32, CN_BF16, CN_I32 or CN_I8
  uint32_t rank;
  uint64_t dim[8];
  const void *data;
} CnSave;

/// Write aside, then rename over `path`, or over what links there lead to, whose rights stay: a
/// failure leaves what was there.
CenoteStatus cn_file_save(const char *path, const CnSave *tensor, size_t tensors,
                          const char *const *key, const char *const *value, size_t notes,
                          CenoteError *err);

/// The same by way of PATH.part, always: a writer that is killed leaves one such file at most, and
/// the next writes over it. For one writer at a time.
CenoteStatus cn_file_save_part(const char *path, const CnSave *tensor, size_t tensors,
                               const char *const *key, const char *const *value, size_t notes,
                               CenoteError *err);

#endif
