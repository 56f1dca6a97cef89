/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device without fwsshd: fwssh-agent is brought to it through its own SSH server, into a tmpfs
 * that nothing shows and that goes with the last program started from it. One login for all: the
 * first ssh asks what the device is and shares its connection with the others.
 */
#ifndef FWSSH_HOST_AGENTLESS_AGENTLESS_H
#define FWSSH_HOST_AGENTLESS_AGENTLESS_H

#include "host/agentless/agent_file.h"
#include "host/agentless/agent_script.h"
#include "host/remote/question.h"
#include "host/remote/ssh_gate.h"
#include "host/remote/ssh_run.h"

#include <stdbool.h>

struct agentless {
    struct reach reach; /* over the shared connection; the lists are ours */
    struct ssh_target target;
    char *dir;                   /* private, for the socket; NULL: none */
    char *socket, *control;      /* its path, and ssh's option for it */
    char *account;               /* for the user: USER on HOST */
    struct ssh_run master, stay; /* the first ssh, and that of the program that stays */
    enum agent_root root;
    struct agent_file file;
    struct agent_script script;
    char *command; /* that starts fwssh-receive */
    struct ssh_gate gate;
    double until; /* when --timeout is over; 0: never */
};

/*
 * Logs in and starts fwssh-agent there. impatient: the device may be away. Returns 0, or -1 with
 * the error set and nothing left behind on the device; agentless_close() in any case.
 */
int agentless_open(struct agentless *a, const struct reach *reach, const char *host, bool impatient,
                   struct error *err);

/* A call whose standard input and output are those of the subsystem fwssh; valid until closed. */
struct ssh_call agentless_call(const struct agentless *a);
void agentless_close(struct agentless *a);

/* question_ask(), through all of this if the device is to be reached so (reach->agentless). */
void agentless_ask(struct question *q, const struct reach *reach, const char *host,
                   const struct request *request, bool impatient);

#endif
