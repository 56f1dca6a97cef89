/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole task, applied to a device that has been in use: it has a partition table, a U-Boot
 * environment, a FAT volume with a file, and data that a delta can be made from. The input is not
 * an archive, but what one contains: sizes, checksums and hashes are made right here, so that
 * libFuzzer gets past them.
 *
 * Input: flags, then meta.conf and up to four resources (a to d), each with its length (LE16)
 * before it, then what lies over the device: a place (LE16, in units of 4 bytes) and bytes.
 */
#include "fuzz.h"

#include "base/bytes.h"
#include "engine/apply/apply.h"
#include "engine/apply/uboot_env.h"
#include "engine/archive/hash.h"
#include "engine/fat/fat_file.h"
#include "engine/fat/fat_format.h"
#include "engine/fat/fat_tree.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define TASK_VERIFY 1u
#define TASK_MINIMIZE 2u
#define TASK_END_OF_ARCHIVE 4u
#define TASK_PARTS 5
/* firmware.c, CONF_META_MAX is larger: libconfuse is slow. */
#define TASK_META_MAX 12000

/* The device, in blocks. */
#define TASK_ENV 16
#define TASK_ENV_BLOCKS 8
#define TASK_FAT 100
#define TASK_FAT_BLOCKS 300
#define TASK_OLD 420
#define TASK_OLD_SIZE 9000

struct part {
    const uint8_t *data;
    size_t len;
};

static void must(int rc)
{
    if (rc)
        abort();
}

static void make_fat(struct block_cache *cache, const uint8_t *old, struct error *err)
{
    const uint64_t at = (uint64_t)TASK_FAT * BLOCK_SIZE;
    struct fat_volume v;
    struct fat_file f;

    must(fat_format(cache, at, TASK_FAT_BLOCKS, err));
    must(fat_volume_mount(&v, cache, at, err));
    must(fat_tree_mkdir(&v, "d", err));
    must(fat_file_create(&f, &v, "d/a.txt", err));
    must(fat_file_write(&f, old, TASK_OLD_SIZE, err));
    must(fat_file_finish(&f, err));
    must(fat_volume_sync(&v, err));
}

static void make_environment(struct block_cache *cache, struct error *err)
{
    const struct uboot_table table = {
        .offset = {TASK_ENV * BLOCK_SIZE, (TASK_ENV + TASK_ENV_BLOCKS) * BLOCK_SIZE},
        .size = TASK_ENV_BLOCKS * BLOCK_SIZE,
        .redundant = true};
    struct uboot_env env = {0};

    must(uboot_env_clear(&table, cache, err));
    must(block_cache_sync(cache, err));
    must(uboot_env_read(&env, &table, cache, err));
    uboot_env_set(&env, "slot", "a");
    must(uboot_env_write(&env, &table, cache, err));
    uboot_env_free(&env);
    must(block_cache_sync(cache, err));
}

static const uint8_t *device_in_use(void)
{
    static const struct block_cache_options options;
    static struct fuzz_medium m;
    static bool made;
    uint8_t old[TASK_OLD_SIZE];
    struct error err;

    if (made)
        return m.bytes;
    for (size_t i = 0; i < sizeof old; i++)
        old[i] = (uint8_t)(i * 7 >> 3);
    fuzz_medium_init(&m, old, 0);
    struct block_cache *cache = block_cache_new(&m.medium, &options);
    make_fat(cache, old, &err);
    make_environment(cache, &err);
    block_cache_free(cache);
    memcpy(m.bytes + (size_t)TASK_OLD * BLOCK_SIZE, old, sizeof old);
    m.bytes[446 + 8] = 63; /* the first partition's start */
    m.bytes[510] = 0x55;
    m.bytes[511] = 0xaa;
    made = true;
    return m.bytes;
}

/* Takes a length and so many bytes from the input, or what is left. */
static struct part next_part(const uint8_t **data, size_t *size)
{
    struct part p = {.data = *data};

    if (*size < 2)
        return p;
    p.len = bytes_le16(*data);
    p.len = p.len < *size - 2 ? p.len : *size - 2;
    p.data += 2;
    *data += 2 + p.len;
    *size -= 2 + p.len;
    return p;
}

/* One after the other, each resource's hash replaces one in meta.conf. */
static void mend_hashes(char *meta, const struct part *part)
{
    static const char key[] = "blake2b-256=\"";
    char *at = meta, text[HASH_TEXT_SIZE];
    struct hash hash;

    for (int i = 1; i < TASK_PARTS && (at = strstr(at, key)); i++) {
        at += strlen(key);
        if (strlen(at) < HASH_TEXT_SIZE - 1)
            return;
        hash_start(&hash);
        hash_add(&hash, part[i].data, part[i].len);
        hash_end_text(&hash, text);
        memcpy(at, text, HASH_TEXT_SIZE - 1);
    }
}

static void add_entry(struct buffer *zip, const char *name, const void *data, size_t len)
{
    uint8_t header[30] = {0};

    bytes_put_le32(header, 0x04034b50);
    bytes_put_le32(header + 14, (uint32_t)crc32(0, data, (uInt)len));
    bytes_put_le32(header + 18, (uint32_t)len);
    bytes_put_le32(header + 22, (uint32_t)len);
    bytes_put_le16(header + 26, (uint16_t)strlen(name));
    buffer_add(zip, header, sizeof header);
    buffer_add_text(zip, name);
    buffer_add(zip, data, len);
}

static void make_archive(struct buffer *zip, const char *meta, const struct part *part)
{
    static const char *const names[] = {"", "data/a", "data/b", "data/c", "data/d"};
    uint8_t end[22] = {0};

    add_entry(zip, "meta.conf", meta, strlen(meta));
    for (int i = 1; i < TASK_PARTS; i++)
        if (part[i].len)
            add_entry(zip, names[i], part[i].data, part[i].len);
    bytes_put_le32(end, 0x06054b50);
    buffer_add(zip, end, sizeof end);
}

/* The rest of the input lies over the device. */
static void make_device(struct fuzz_medium *m, const uint8_t *data, size_t size)
{
    fuzz_medium_init(m, device_in_use(), FUZZ_MEDIUM_SIZE);
    if (size <= 2)
        return;
    size_t at = bytes_le16(data) * (size_t)4;
    size = size - 2 < FUZZ_MEDIUM_SIZE - at ? size - 2 : FUZZ_MEDIUM_SIZE - at;
    memcpy(m->bytes + at, data + 2, size);
}

static void apply(unsigned flags, const struct buffer *zip, struct fuzz_medium *m)
{
    struct source_bytes bytes = {.data = zip->data, .left = zip->len};
    struct report report = {.program = "fuzz", .progress = REPORT_QUIET, .high = 100};
    struct meta_identity identity = {0};
    struct error err = {0};
    struct apply_request request = {
        .archive = source_from_bytes(&bytes),
        .task = "t",
        .medium = &m->medium,
        .reboot_param_path = "/dev/null/nowhere",
        .verify = flags & TASK_VERIFY,
        .minimize = flags & TASK_MINIMIZE,
        .end_of_archive = flags & TASK_END_OF_ARCHIVE,
    };

    /* Every failure has a reason. */
    if (apply_run(&request, &report, &identity, &err) && !*err.text)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz_medium medium;
    struct part part[TASK_PARTS];
    struct buffer zip = {0};

    if (!size)
        return 0;
    unsigned flags = *data++;
    size--;
    for (int i = 0; i < TASK_PARTS; i++)
        part[i] = next_part(&data, &size);
    if (!part[0].len || part[0].len > TASK_META_MAX || memchr(part[0].data, '\0', part[0].len))
        return 0;
    char *meta = fuzz_text(part[0].data, part[0].len);
    mend_hashes(meta, part);
    make_archive(&zip, meta, part);
    make_device(&medium, data, size);
    apply(flags, &zip, &medium);
    buffer_free(&zip);
    free(meta);
    return 0;
}
