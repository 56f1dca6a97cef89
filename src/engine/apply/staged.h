/*
 * A staged firmware: its resources are on the device, its on-finish has not run yet. The file holds
 * the name of the task and the start of the archive (meta.conf with its signature), so that
 * everything is checked again on activation.
 */
#ifndef FWSSH_ENGINE_APPLY_STAGED_H
#define FWSSH_ENGINE_APPLY_STAGED_H

#include "base/buffer.h"
#include "base/source.h"
#include "engine/archive/firmware.h"

#define STAGED_TASK_SIZE 128

struct staged {
    char task[STAGED_TASK_SIZE];
    struct buffer archive; /* owned */
};

/* Writes the file atomically. */
int staged_save(const char *path, const struct firmware *fw, const char *task, struct error *err);

/* EXIT_REFUSED if there is none. After success, staged_free() frees s. */
int staged_load(struct staged *s, const char *path, struct error *err);
void staged_free(struct staged *s);

#endif
