/*
 * The programs that write firmware. A driver knows one kind of them: what it can do, its command
 * line for each job, and what its exit status means. A program named fwpack has fwpack's; any other
 * must keep fwup's contract (PROTOCOL.md, "The updater").
 */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_DRIVER_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_DRIVER_H

#include "base/argv.h"
#include "base/error.h"
#include "base/run.h"
#include "device/config/device_config.h"
#include "device/updaters/version_floor.h"

#include <stdbool.h>

enum updater_verb {
    UPDATER_WRITE,    /* write the firmware on standard input, and switch to it */
    UPDATER_STAGE,    /* write it, and keep at path what is left to do */
    UPDATER_ACTIVATE, /* do what is left at path */
    UPDATER_TASK,     /* apply a task of the small archive at path, such as ops.fw */
};

struct updater_job {
    enum updater_verb verb;
    const char *device;                /* resolved path */
    const char *task;                  /* NULL: the key task */
    const char *path;                  /* as the verb says; NULL for UPDATER_WRITE */
    const struct version_floor *floor; /* UPDATER_WRITE, UPDATER_STAGE; or NULL */
};

struct updater {
    const struct updater_driver *driver;
    char *program;    /* a path; owned */
    const char *name; /* its last part */
    bool handshake;   /* it knows --exit-handshake; set by updater_identify() */
};

struct updater_driver {
    bool can_stage;        /* knows UPDATER_STAGE and UPDATER_ACTIVATE */
    bool can_refuse_older; /* knows --minimum-version */
    /* Learns what the program can do, or that it cannot be used. */
    int (*identify)(struct updater *u, struct error *err);
    void (*arguments)(const struct updater *u, const struct device_config *config,
                      const struct updater_job *job, struct argv *a);
    /* What a failed job means to whoever asked for it; status as from waitpid(2). */
    enum exit_status (*judge)(const struct updater_job *job, int status);
};

/*
 * Finds the program that the key updater means, without running it. 0, or -1 with the error set;
 * updater_free() in any case.
 */
int updater_find(struct updater *u, const struct device_config *config, struct error *err);

/* Asks it what it can do, and whether that is what the configuration needs. */
int updater_identify(struct updater *u, const struct device_config *config, struct error *err);
void updater_free(struct updater *u);

/* The command line of a job. argv_free() frees it. */
void updater_arguments(const struct updater *u, const struct device_config *config,
                       const struct updater_job *job, struct argv *a);

/*
 * Runs a job that reads nothing (UPDATER_ACTIVATE, UPDATER_TASK) to its end, for so many seconds at
 * most. 0 when it succeeded, with what it printed in result; -1 with the error set. run_free()
 * frees the result, in any case.
 */
int updater_do(const struct updater *u, const struct device_config *config,
               const struct updater_job *job, int seconds, struct run_result *result,
               struct error *err);

/* The drivers; each in a file of its name. */
extern const struct updater_driver updater_fwup, updater_fwpack;

#endif
