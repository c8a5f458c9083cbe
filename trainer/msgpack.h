// SPDX-License-Identifier: ISC
// MessagePack as Flax writes it: maps in maps, and at their ends arrays, each an extension that
// holds a shape, a type and little-endian values. Only the places of the values are noted, not
// copied.
#ifndef TRAINER_MSGPACK_H
#define TRAINER_MSGPACK_H

#include <cenote/cenote.h>

#include <stddef.h>
#include <stdint.h>

enum { MSG_PATH = 512, MSG_RANK = 8 };

/// What stands at the end of a path of keys.
typedef struct MsgLeaf {
  char *path;     ///< the keys, with / between
  char dtype[12]; ///< "float32", ...; of what is no array "nil", "text" and the like
  uint32_t rank;
  uint64_t dim[MSG_RANK];
  uint64_t count;            ///< product of dim
  const unsigned char *data; ///< in the file's bytes, not aligned; NULL: no array
} MsgLeaf;

typedef struct MsgTree {
  MsgLeaf *leaf;
  size_t leaves;
  size_t room;
} MsgTree;

/// All leaves of one value that fills bytes[size] exactly. The leaves borrow the bytes. On failure
/// err names `name` and the path of keys at fault.
CenoteStatus msg_read(const char *name, const unsigned char *bytes, size_t size, MsgTree *out,
                      CenoteError *err);
/// A zeroed struct is fine.
void msg_clear(MsgTree *tree);

/// The leaf of that path; NULL when there is none.
const MsgLeaf *msg_find(const MsgTree *tree, const char *path);

#endif
