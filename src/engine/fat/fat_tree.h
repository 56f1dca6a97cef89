/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to the tree of a FAT volume: directories, names, attributes, and the label. */
#ifndef FWSSH_ENGINE_FAT_FAT_TREE_H
#define FWSSH_ENGINE_FAT_FAT_TREE_H

#include "engine/fat/fat_dir.h"

/* Creates a directory. An existing one is fine; its parent must exist. */
int fat_tree_mkdir(struct fat_volume *v, const char *path, struct error *err);

/* Removes a file or an empty directory. must_exist: a missing one is an error. */
int fat_tree_remove(struct fat_volume *v, const char *path, bool must_exist, struct error *err);

/* Renames or moves. replace: an existing target is removed first; without it, that is an error. */
int fat_tree_move(struct fat_volume *v, const char *from, const char *to, bool replace,
                  struct error *err);

/* letters: R, H and S in either case. These attributes are set, the others of the three cleared. */
int fat_tree_set_attributes(struct fat_volume *v, const char *path, const char *letters,
                            struct error *err);

/* At most 11 bytes, converted to upper case; "" removes the label. */
int fat_tree_set_label(struct fat_volume *v, const char *label, struct error *err);

#endif
