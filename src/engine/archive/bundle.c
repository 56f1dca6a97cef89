/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/bundle.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/clean.h"
#include "base/file_hash.h"
#include "base/firmware_kind.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Of what a file says of itself: a description, a manifest, a header. */
#define BUNDLE_TEXT_MAX (64u << 10)
#define BUNDLE_VALUE_MAX 200
/* RAUC: a signature (CMS, DER) and its length, big-endian. */
#define RAUC_LENGTH_SIZE 8
#define RAUC_SIGNATURE_MAX (1u << 20)
#define RAUC_OID_WITHIN 32
/* cpio's new formats. */
#define CPIO_HEADER 110
#define CPIO_SIZE_AT 54
#define CPIO_NAME_SIZE_AT 94
/* tar */
#define TAR_BLOCK 512
#define TAR_ENTRIES_MAX 16
/* squashfs: bytes_used, little-endian. */
#define SQUASHFS_USED_AT 40
#define SQUASHFS_HEADER 96

static const struct {
    const char *word, *name;
} bundle_kinds[] = {
    [FIRMWARE_FW] = {"fw", "a .fw archive"},
    [FIRMWARE_RAUC] = {"raucb", "a RAUC bundle"},
    [FIRMWARE_SWUPDATE] = {"swu", "an SWUpdate archive"},
    [FIRMWARE_MENDER] = {"mender", "a Mender artifact"},
    [FIRMWARE_IMAGE] = {"raw", "a plain image"},
};

const char *bundle_word(enum firmware_kind kind)
{
    return bundle_kinds[kind].word;
}

const char *bundle_name(enum firmware_kind kind)
{
    return bundle_kinds[kind].name;
}

/* How many bytes of those at a place are there. */
static size_t bundle_read(int fd, void *to, size_t len, uint64_t at)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(fd, (char *)to + got, len - got, (off_t)(at + got));
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

static bool bundle_has(int fd, uint64_t at, const char *bytes, size_t len)
{
    char piece[32];

    return bundle_read(fd, piece, len, at) == len && !memcmp(piece, bytes, len);
}

/* The length of a RAUC signature at the end of the file; 0 if there is none. */
static size_t bundle_rauc_signature(int fd, uint64_t size)
{
    static const unsigned char pkcs7[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07};
    unsigned char length[RAUC_LENGTH_SIZE], start[RAUC_OID_WITHIN];
    uint64_t len = 0;

    if (size <= RAUC_LENGTH_SIZE + sizeof start ||
        bundle_read(fd, length, sizeof length, size - sizeof length) != sizeof length)
        return 0;
    for (size_t i = 0; i < sizeof length; i++)
        len = len << 8 | length[i];
    if (len < sizeof start || len > RAUC_SIGNATURE_MAX || len > size - RAUC_LENGTH_SIZE ||
        bundle_read(fd, start, sizeof start, size - RAUC_LENGTH_SIZE - len) != sizeof start)
        return 0;
    return start[0] == 0x30 && memmem(start, sizeof start, pkcs7, sizeof pkcs7) ? (size_t)len : 0;
}

/* File systems, and disks with a partition table. */
static bool bundle_is_image(int fd)
{
    static const struct {
        uint64_t at;
        size_t len;
        const char *bytes;
    } known[] = {
        {0, 4, "hsqs"},                /* squashfs */
        {0, 4, "UBI#"},                /* UBI */
        {0, 4, "\x31\x18\x10\x06"},    /* UBIFS */
        {1080, 2, "\x53\xef"},         /* ext2 to ext4 */
        {1024, 4, "\xe2\xe1\xf5\xe0"}, /* EROFS */
        {1024, 4, "\x10\x20\xf5\xf2"}, /* F2FS */
        {65600, 8, "_BHRfS_M"},        /* Btrfs */
        {510, 2, "\x55\xaa"},          /* MBR, GPT, FAT */
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (bundle_has(fd, known[i].at, known[i].bytes, known[i].len))
            return true;
    return false;
}

enum firmware_kind bundle_look(int fd, uint64_t size)
{
    char start[FIRMWARE_KIND_BYTES];
    const char *word = firmware_kind_by_start(start, bundle_read(fd, start, sizeof start, 0));

    for (size_t kind = 0; kind < sizeof bundle_kinds / sizeof *bundle_kinds; kind++)
        if (!strcmp(word, bundle_kinds[kind].word))
            return (enum firmware_kind)kind;
    if (bundle_rauc_signature(fd, size))
        return FIRMWARE_RAUC;
    return bundle_is_image(fd) ? FIRMWARE_IMAGE : FIRMWARE_FW;
}

/* A copy of a value, up to one of the characters in end; NULL if it is empty. */
static char *bundle_value(const char *text, const char *end)
{
    size_t len = strcspn(text, end);

    if (!len || len > BUNDLE_VALUE_MAX)
        return NULL;
    char *value = memory_printf("%.*s", (int)len, text);
    clean_line(value);
    return value;
}

/* A text of at most max bytes, which may contain zero bytes: they end what is found. The caller
 * frees it. */
static char *bundle_text(int fd, uint64_t at, uint64_t len)
{
    size_t size = len < BUNDLE_TEXT_MAX ? (size_t)len : BUNDLE_TEXT_MAX;
    char *text = memory_new(size + 1, 1);

    text[bundle_read(fd, text, size, at)] = '\0';
    return text;
}

/* The value of a line NAME=VALUE of RAUC's manifest, within its section [update]. */
static char *bundle_rauc_value(const char *section, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = section; *line && !(line > section && *line == '[');) {
        if (!strncmp(line, name, len) && line[len] == '=')
            return bundle_value(line + len + 1, "\r\n");
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NULL;
}

/* In a verity bundle, the manifest is within the signature; in a plain one it is compressed. */
static void bundle_describe_rauc(struct firmware_file *f)
{
    static const char section[] = "[update]";
    size_t len = bundle_rauc_signature(f->fd, f->size);
    char *signature = memory_new(len + 1, 1);

    len = bundle_read(f->fd, signature, len, f->size - RAUC_LENGTH_SIZE - len);
    const char *update = memmem(signature, len, section, sizeof section - 1);
    if (update) {
        f->product = bundle_rauc_value(update, "compatible");
        f->version = bundle_rauc_value(update, "version");
    }
    free(signature);
}

/* What is at text if it is a comment or a string of libconfig: its length, else 0. */
static size_t bundle_skip(const char *text)
{
    const char *end = NULL;

    if (*text == '#' || !strncmp(text, "//", 2))
        return strcspn(text, "\n");
    if (!strncmp(text, "/*", 2)) {
        end = strstr(text + 2, "*/");
        return end ? (size_t)(end - text) + 2 : strlen(text);
    }
    if (*text != '"')
        return 0;
    for (end = text + 1; *end && *end != '"'; end++)
        end += *end == '\\' && end[1];
    return (size_t)(end - text) + (*end == '"');
}

static bool bundle_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-*", c));
}

/* The text after NAME = or NAME : at this place; NULL if there is none. */
static const char *bundle_setting(const char *text, const char *name)
{
    size_t len = strlen(name);

    if (strncmp(text, name, len) || bundle_is_word(text[len]))
        return NULL;
    text += len + strspn(text + len, " \t");
    if (*text != '=' && *text != ':')
        return NULL;
    text += 1 + strspn(text + 1, " \t");
    return *text == '"' ? text + 1 : NULL;
}

/* A text that software = { ... } sets itself, not one of its groups. */
static char *bundle_swupdate_value(const char *text, const char *name)
{
    char before = ' ';
    int depth = 0;

    for (size_t skip; *text; before = *text, text += skip) {
        const char *value =
            depth == 1 && !bundle_is_word(before) ? bundle_setting(text, name) : NULL;
        if (value)
            return bundle_value(value, "\"\n");
        skip = bundle_skip(text);
        depth += *text == '{' || *text == '(' ? 1 : *text == '}' || *text == ')' ? -1 : 0;
        skip += !skip;
    }
    return NULL;
}

static uint64_t bundle_number(int fd, uint64_t at, size_t digits, int base)
{
    char text[16] = "";

    if (digits >= sizeof text || bundle_read(fd, text, digits, at) != digits)
        return 0;
    return strtoull(text, NULL, base);
}

static void bundle_describe_swupdate(struct firmware_file *f)
{
    uint64_t size = bundle_number(f->fd, CPIO_SIZE_AT, 8, 16);
    uint64_t name = bundle_number(f->fd, CPIO_NAME_SIZE_AT, 8, 16);
    char *text = bundle_text(f->fd, (CPIO_HEADER + name + 3) & ~UINT64_C(3), size);

    f->product = bundle_swupdate_value(text, "description");
    f->version = bundle_swupdate_value(text, "version");
    free(text);
}

/* Inflates a gzip file of at most BUNDLE_TEXT_MAX bytes, as far as it fits; the caller frees it. */
static char *bundle_inflate(const char *data, size_t len)
{
    char *text = memory_new(BUNDLE_TEXT_MAX + 1, 1);
    z_stream z = {.next_in = (Bytef *)data,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)text,
                  .avail_out = BUNDLE_TEXT_MAX};

    if (inflateInit2(&z, 16 + MAX_WBITS) == Z_OK) {
        (void)inflate(&z, Z_FINISH);
        (void)inflateEnd(&z);
    }
    /* A tar file: zero bytes between its texts. */
    for (size_t i = 0; i < z.total_out; i++)
        if (!text[i])
            text[i] = '\n';
    return text;
}

/* The text of a JSON member; NULL if there is none. */
static char *bundle_json_value(const char *text, const char *name)
{
    char *quoted = memory_printf("\"%s\"", name);
    const char *at = strstr(text, quoted);

    if (at)
        at += strlen(quoted);
    free(quoted);
    if (!at)
        return NULL;
    at += strspn(at, " \t\n:");
    return *at == '"' ? bundle_value(at + 1, "\"\\\n") : NULL;
}

/* header.tar.gz has the name of the artifact, which its device reports as what runs. */
static void bundle_describe_mender(struct firmware_file *f)
{
    static const char name[] = "header.tar.gz";
    uint64_t at = 0, size;

    for (int i = 0; i < TAR_ENTRIES_MAX && at < f->size; i++, at += TAR_BLOCK + size) {
        size = bundle_number(f->fd, at + 124, 11, 8);
        if (bundle_has(f->fd, at, name, sizeof name)) {
            size_t len = size < BUNDLE_TEXT_MAX ? (size_t)size : BUNDLE_TEXT_MAX;
            char *packed = memory_new(len + 1, 1);
            len = bundle_read(f->fd, packed, len, at + TAR_BLOCK);
            char *text = bundle_inflate(packed, len);
            f->version = bundle_json_value(text, "artifact_name");
            free(text);
            free(packed);
            return;
        }
        size = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    }
}

static bool bundle_ends_with_trailer(const struct firmware_file *f)
{
    static const char trailer[] = "TRAILER!!!";
    size_t len = f->size < BUNDLE_TEXT_MAX ? (size_t)f->size : BUNDLE_TEXT_MAX;
    char *tail = memory_new(len, 1);

    len = bundle_read(f->fd, tail, len, f->size - len);
    bool found = memmem(tail, len, trailer, sizeof trailer);
    free(tail);
    return found;
}

static bool bundle_ends_with_zeros(const struct firmware_file *f)
{
    static const char zeros[TAR_BLOCK];
    char block[TAR_BLOCK];

    return f->size % TAR_BLOCK == 0 && f->size > TAR_BLOCK &&
           bundle_read(f->fd, block, TAR_BLOCK, f->size - TAR_BLOCK) == TAR_BLOCK &&
           !memcmp(block, zeros, TAR_BLOCK);
}

/* A squashfs says how long it is; so does a RAUC bundle that has lost its signature. */
static bool bundle_is_whole_image(const struct firmware_file *f)
{
    unsigned char header[SQUASHFS_HEADER];

    if (!bundle_has(f->fd, 0, "hsqs", 4))
        return true;
    if (bundle_read(f->fd, header, sizeof header, 0) != sizeof header)
        return false;
    return f->size >= bytes_le64(header + SQUASHFS_USED_AT);
}

static int bundle_check_end(const struct firmware_file *f, struct error *err)
{
    bool whole = f->kind == FIRMWARE_SWUPDATE ? bundle_ends_with_trailer(f)
                 : f->kind == FIRMWARE_MENDER ? bundle_ends_with_zeros(f)
                 : f->kind == FIRMWARE_IMAGE  ? bundle_is_whole_image(f)
                                              : true; /* RAUC: known by its end */

    return whole ? 0
                 : error_set(err, EXIT_MISMATCH,
                             "%s is cut off: it is %s, and its end is missing after %llu bytes; "
                             "copy or build it again",
                             f->path, bundle_name(f->kind), (unsigned long long)f->size);
}

int bundle_describe(struct firmware_file *f, struct error *err)
{
    static void (*const describe[])(struct firmware_file *) = {
        [FIRMWARE_RAUC] = bundle_describe_rauc,
        [FIRMWARE_SWUPDATE] = bundle_describe_swupdate,
        [FIRMWARE_MENDER] = bundle_describe_mender,
        [FIRMWARE_IMAGE] = NULL,
    };

    if (bundle_check_end(f, err))
        return -1;
    if (describe[f->kind])
        describe[f->kind](f);
    return file_hash(f->fd, f->sha256, NULL) ? error_errno(err, "cannot read %s", f->path) : 0;
}
