/* SPDX-License-Identifier: Apache-2.0 */
#include "host/output/firmware_view.h"

#include "base/json.h"
#include "engine/archive/bundle.h"

#include <inttypes.h>

static const char *firmware_view_word(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

/* Two words that belong together, of which the second may be missing. */
static void firmware_view_pair(struct buffer *out, const char *name, const char *first,
                               const char *second)
{
    buffer_printf(out, "%-9s %s%s%s\n", name, firmware_view_word(first, "(not named)"),
                  *second ? " " : "", second);
}

/* Its kind, and that it does not say more in a way that we can read. */
static void firmware_view_bundle(struct buffer *out, const struct firmware_file *f)
{
    buffer_printf(out, "Kind:     %s\n", bundle_name(f->kind));
    if (f->product || f->version)
        firmware_view_pair(out, "Product:", f->product,
                           firmware_view_word(f->version, "(version unknown)"));
    else
        buffer_add_text(out, "Product:  unknown\n");
    buffer_printf(out, "SHA-256:  %s\n", f->sha256);
}

void firmware_view_lines(struct buffer *out, const struct firmware_file *f)
{
    buffer_printf(out, "Firmware: %s (%.1f MB)\n", f->path, (double)f->size / 1e6);
    if (f->kind != FIRMWARE_FW) {
        firmware_view_bundle(out, f);
        return;
    }
    firmware_view_pair(out, "Product:", f->product, firmware_view_word(f->version, ""));
    buffer_printf(out, "UUID:     %s (%s)\n", f->uuid, f->nickname ? f->nickname : "");
    const char *architecture = firmware_view_word(f->architecture, "");
    if (*firmware_view_word(f->platform, architecture))
        firmware_view_pair(out, "Platform:", f->platform, architecture);
}

void firmware_view_members(struct buffer *out, const struct firmware_file *f)
{
    json_member(out, "file", f->path);
    buffer_printf(out, ",\"size\":%" PRIu64, f->size);
    json_member(out, "product", f->product);
    json_member(out, "version", f->version);
    json_member(out, "kind", bundle_word(f->kind));
    json_member(out, "uuid", *f->uuid ? f->uuid : NULL);
    json_member(out, "sha256", *f->sha256 ? f->sha256 : NULL);
    json_member(out, "nickname", f->nickname);
    json_member(out, "platform", f->platform);
    json_member(out, "architecture", f->architecture);
}
