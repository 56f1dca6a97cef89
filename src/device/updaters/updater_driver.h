/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs that write firmware. A driver knows one kind of program: what it can do, its command
 * line for each job, and what its exit status means. A program named fwpack gets fwpack's driver,
 * one named fwssh-updater-NAME that of adapters (updater_adapter.h); any other must keep fwup's
 * contract (PROTOCOL.md, "The updater").
 */
#ifndef FWSSH_DEVICE_UPDATERS_UPDATER_DRIVER_H
#define FWSSH_DEVICE_UPDATERS_UPDATER_DRIVER_H

#include "base/argv.h"
#include "base/error.h"
#include "base/run.h"
#include "device/config/device_config.h"
#include "device/updaters/version_floor.h"

#include <stdbool.h>
#include <stdint.h>

#define UPDATER_ACCEPTS_SIZE 64

enum updater_verb {
    UPDATER_WRITE,    /* write the firmware on standard input, and switch to it */
    UPDATER_STAGE,    /* write it, and store what is left to do at path */
    UPDATER_ACTIVATE, /* do what is left at path */
    UPDATER_TASK,     /* apply a task of the small archive at path, such as ops.fw */
};

struct updater_job {
    enum updater_verb verb;
    const char *device;                /* resolved path */
    const char *task;                  /* NULL: the key task */
    const char *path;                  /* see enum updater_verb; NULL for UPDATER_WRITE */
    const struct version_floor *floor; /* NULL for UPDATER_TASK */
    bool open_end;       /* the size is unknown, and the input may not end with the archive */
    uint64_t size;       /* bytes of the firmware, unless open_end */
    const char *run_dir; /* for an adapter's files; NULL for others */
};

struct updater {
    const struct updater_driver *driver;
    char *program;    /* a path; owned */
    const char *name; /* last component of program; of our own: fwpack */
    bool own;         /* the program is our own, and takes the name as its first argument */
    /* Set by updater_identify(). */
    bool handshake;                     /* supports --exit-handshake */
    bool wants_file;                    /* it seeks in its input: a file, not a pipe */
    bool reboots;                       /* it reboots the device by itself */
    bool wants_network;                 /* it cannot do without */
    char accepts[UPDATER_ACCEPTS_SIZE]; /* kinds of firmware (fwssh-updater(7)); "": unknown */
};

struct updater_driver {
    /* Keeps fwssh-updater(7): it has no --version, does not check firmware-public-keys, and applies
     * no tasks of an ops.fw. */
    bool is_adapter;
    bool can_stage;        /* supports UPDATER_STAGE and UPDATER_ACTIVATE */
    bool can_refuse_older; /* supports --minimum-version */
    bool spares_root;      /* never overwrites what is mounted as / */
    bool tells_switching;  /* always reports before it changes what boots (wire/updater_result.h) */
    /* Finds out what the program supports. Returns 0, or -1 with the error set if it cannot be
     * used. */
    int (*identify)(struct updater *u, struct error *err);
    void (*arguments)(const struct updater *u, const struct device_config *config,
                      const struct updater_job *job, struct argv *a);
    /* Appends what it gets in its environment: NAME=VALUE. NULL: nothing. */
    void (*environment)(const struct device_config *config, const struct updater_job *job,
                        struct argv *env);
    /* What a failed job means for the client. status: from waitpid(2). */
    enum exit_status (*judge)(const struct updater_job *job, int status);
};

/* Finds the program that the key updater selects, without running it. Returns 0, or -1 with the
 * error set; updater_free() in any case. */
int updater_find(struct updater *u, const struct device_config *config, struct error *err);

/* Finds out what it supports, and checks that against the configuration. Returns 0, or -1 with the
 * error set. */
int updater_identify(struct updater *u, const struct device_config *config, struct error *err);
void updater_free(struct updater *u);

/* Appends the command line of a job to a. */
void updater_arguments(const struct updater *u, const struct device_config *config,
                       const struct updater_job *job, struct argv *a);

/* For the message of one that is unsure; what follows from it comes next. */
#define UPDATER_UNSURE "what boots next is not known; "

struct updater_done {
    struct run_result run;
    bool unsure; /* it failed when it may have switched: what boots next is not known */
};

/*
 * Runs a job without input (UPDATER_ACTIVATE, UPDATER_TASK) for at most that many seconds, but
 * never kills one that has said that it switches. Returns 0 with its output in done->run, or -1
 * with the error set; run_free(&done->run) in any case.
 */
int updater_do(const struct updater *u, const struct device_config *config,
               const struct updater_job *job, int seconds, struct updater_done *done,
               struct error *err);

/* The drivers, each in the file of its name. */
extern const struct updater_driver updater_fwup, updater_fwpack, updater_adapter;

#endif
