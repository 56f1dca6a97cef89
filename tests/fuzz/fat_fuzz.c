/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary bytes in place of a FAT file system, with everything that a task can do to it. */
#include "fuzz.h"

#include "engine/fat/fat_file.h"
#include "engine/fat/fat_tree.h"

#include <stdlib.h>

static int fuzz_take(void *data, const uint8_t *bytes, size_t len, struct error *err)
{
    size_t *total = data;

    (void)bytes;
    (void)err;
    *total += len;
    return *total > FUZZ_MEDIUM_SIZE;
}

static void fuzz_files(struct fat_volume *v, struct error *err)
{
    static const uint8_t bytes[3000] = {1};
    struct fat_file file;
    struct fat_extent *extents;
    size_t count, total = 0;

    if (!fat_file_create(&file, v, "DIR/A long file name.txt", err) &&
        !fat_file_write(&file, bytes, sizeof bytes, err))
        (void)fat_file_finish(&file, err);
    (void)fat_file_read(v, "KERNEL.IMG", fuzz_take, &total, err);
    if (!fat_file_extents(v, "dir/b.txt", &extents, &count, err))
        free(extents);
    (void)fat_file_touch(v, "new.txt", err);
}

static void fuzz_tree(struct fat_volume *v, struct error *err)
{
    (void)fat_tree_mkdir(v, "DIR", err);
    (void)fat_tree_move(v, "DIR", "dir2", true, err);
    (void)fat_tree_move(v, "dir2/b.txt", "KERNEL.IMG", true, err);
    (void)fat_tree_set_attributes(v, "KERNEL.IMG", "RH", err);
    (void)fat_tree_set_label(v, "label", err);
    (void)fat_tree_remove(v, "dir2/A long file name.txt", true, err);
    (void)fat_tree_remove(v, "dir2", true, err);
    (void)fat_tree_remove(v, "KERNEL.IMG", false, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_medium medium;
    struct block_cache_options options = {0};
    struct fat_volume v;
    struct error err;

    fuzz_medium_init(&medium, data, size);
    struct block_cache *cache = block_cache_new(&medium.medium, &options);
    if (!fat_volume_mount(&v, cache, 0, &err)) {
        fuzz_files(&v, &err);
        fuzz_tree(&v, &err);
        (void)fat_volume_sync(&v, &err);
        (void)block_cache_sync(cache, &err);
    }
    block_cache_free(cache);
    return 0;
}
