/* Changes to the tree of a FAT volume: directories, names, attributes, the label. */
#ifndef FWSSH_ENGINE_FAT_FAT_TREE_H
#define FWSSH_ENGINE_FAT_FAT_TREE_H

#include "engine/fat/fat_dir.h"

/* A directory that is there already is fine; its parent must be there. */
int fat_tree_mkdir(struct fat_volume *v, const char *path, struct error *err);

/* Removes a file or an empty directory. must_exist: it is an error if there is none. */
int fat_tree_remove(struct fat_volume *v, const char *path, bool must_exist, struct error *err);

/* Renames or moves. replace: what has the new name already is removed first. */
int fat_tree_move(struct fat_volume *v, const char *from, const char *to, bool replace,
                  struct error *err);

/* Letters R, H and S in any case: these are set, the others of the three cleared. */
int fat_tree_set_attributes(struct fat_volume *v, const char *path, const char *letters,
                            struct error *err);

/* At most 11 bytes, made upper case; "" removes it. */
int fat_tree_set_label(struct fat_volume *v, const char *label, struct error *err);

#endif
