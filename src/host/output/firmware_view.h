/* SPDX-License-Identifier: Apache-2.0 */
/* What a firmware says of itself, for a user and for a program. */
#ifndef FWSSH_HOST_OUTPUT_FIRMWARE_VIEW_H
#define FWSSH_HOST_OUTPUT_FIRMWARE_VIEW_H

#include "base/buffer.h"
#include "engine/archive/firmware_file.h"

/* Appends the lines "NAME: TEXT", each with its end. */
void firmware_view_lines(struct buffer *out, const struct firmware_file *f);

/* Appends the members of a JSON object (base/json.h), from file to architecture; what is not
 * known is null. */
void firmware_view_members(struct buffer *out, const struct firmware_file *f);

#endif
