#include "host/remote/ssh_outcome.h"

#include "base/memory.h"
#include "base/run.h"
#include "base/spawn.h"
#include "wire/answer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define KEY_CHANGED "REMOTE HOST IDENTIFICATION HAS CHANGED"
/* ssh's exit status for its own failures, and for a channel that was closed without a status. */
#define SSH_FAILED 255
/* The shell's exit status for a command that cannot be run. */
#define SHELL_NOT_FOUND 127

/* The most specific messages first: the last one that ssh prints often only follows from an earlier
 * one. */
static const struct ssh_failure failures[] = {
    {KEY_CHANGED, SSH_STEP_HOST_KEY, EXIT_ACCESS, NULL},
    {"Host key verification failed", SSH_STEP_HOST_KEY, EXIT_ACCESS,
     "unknown host key; connect once from a terminal and compare the fingerprint with the one in "
     "fwsshd's log, or add --ssh-option StrictHostKeyChecking=accept-new"},
    {"Too many authentication failures", SSH_STEP_LOGIN, EXIT_ACCESS,
     "too many keys tried; name the right one with --user-dir DIR, or --ssh-option "
     "IdentityFile=KEY --ssh-option IdentitiesOnly=yes"},
    {"Permission denied", SSH_STEP_LOGIN, EXIT_ACCESS,
     "the device does not accept any of your keys; check with fwssh check, and add your public key "
     "to its authorized_keys"},
    {"no matching host key type", SSH_STEP_HOST_KEY, EXIT_ACCESS,
     "ssh and the device have no host key type in common"},
    {"no matching", SSH_STEP_HOST_KEY, EXIT_UNREACHABLE,
     "ssh and the device have no algorithms in common; see above"},
    {"Could not resolve hostname", SSH_STEP_NAME, EXIT_UNREACHABLE,
     "cannot resolve the name; check it, or use the address (nerves.local needs mDNS)"},
    {"Connection refused", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "nothing listens on that port; check --port, and that fwsshd runs on the device"},
    {"No route to host", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "no route to the device; check cable and network"},
    {"Network is unreachable", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "no route to the device; check cable and network"},
    {"Connection timed out", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "the device does not answer; is it on, and on this network?"},
    {"kex_exchange_identification", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "the device closed the connection before the login: too many sessions, or not an SSH server"},
    {"subsystem request failed", SSH_STEP_SUBSYSTEM, EXIT_FAILED,
     "the device does not offer that subsystem, or refused it; check --subsystem and --port, and "
     "the device's log"},
    {"Load key", SSH_STEP_LOGIN, EXIT_ACCESS, "cannot read a private key; see above"},
    {"closed by remote host", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
    {"Connection reset", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
    {"Broken pipe", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
    {"not responding", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
    {"Corrupted MAC", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
    {"Connection closed by", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
    {"message authentication code incorrect", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL},
};

#define FAILURES (sizeof failures / sizeof *failures)

const struct ssh_failure *ssh_failure_find(const char *errors)
{
    for (size_t i = 0; i < FAILURES; i++)
        if (strstr(errors, failures[i].words))
            return &failures[i];
    return NULL;
}

/* Whether a working connection was lost; messages about earlier steps do not count. */
static bool ssh_failure_is_lost(const char *errors)
{
    for (size_t i = 0; i < FAILURES; i++)
        if (failures[i].step == SSH_STEP_SESSION && strstr(errors, failures[i].words))
            return true;
    return false;
}

/* The fingerprint after the words "fingerprint for the ... key sent by the remote host is". */
static char *ssh_new_fingerprint(const char *errors)
{
    const char *at = strstr(errors, "sent by the remote host is");
    const char *fingerprint = at ? strstr(at, "SHA256:") : NULL;

    if (!fingerprint)
        return memory_text("(not shown)");
    return memory_printf("%.*s", (int)strcspn(fingerprint, " .\r\n"), fingerprint);
}

/* FILE of "Offending ... key in FILE:LINE". The caller frees it; NULL if there is no such line. */
static char *ssh_offending_file(const char *errors)
{
    const char *at = strstr(errors, "Offending ");
    const char *file = at ? strstr(at, " key in ") : NULL;

    if (!file)
        return NULL;
    char *path = memory_printf("%.*s", (int)strcspn(file + 8, "\r\n"), file + 8);
    char *colon = strrchr(path, ':');
    if (colon)
        *colon = '\0';
    return path;
}

static char *ssh_old_fingerprint(const char *file, const char *known_as)
{
    char *argv[] = {"ssh-keygen", "-l", "-F", (char *)known_as, "-f", (char *)file, NULL};
    struct run run = {.argv = argv, .output = RUN_KEEP, .keep = 65536, .seconds = 10};
    struct run_result result;
    struct error ignored;

    (void)run_program(&run, &result, &ignored);
    const char *at = strstr(buffer_text(&result.text), "SHA256:");
    char *found =
        at ? memory_printf("%.*s", (int)strcspn(at, " \r\n"), at) : memory_text("(not known)");
    run_free(&result);
    return found;
}

void ssh_outcome_host_key_changed(const char *errors, const struct ssh_target *target,
                                  struct buffer *text)
{
    char *file = ssh_offending_file(errors);
    char *now = ssh_new_fingerprint(errors);

    if (!file && target->known_hosts)
        file = memory_text(target->known_hosts);
    char *before = file ? ssh_old_fingerprint(file, target->known_as) : memory_text("(not known)");
    buffer_printf(text,
                  "its host key has changed: it was %s and is now %s. If this is expected (a card "
                  "was rewritten, another board), remove the old key with\n"
                  "  ssh-keygen -f \"%s\" -R \"%s\"\n"
                  "and try again; if not, somebody may be intercepting the connection",
                  before, now, file ? file : "~/.ssh/known_hosts", target->known_as);
    free(before);
    free(now);
    free(file);
}

static void ssh_outcome_fail(struct ssh_outcome *o, enum exit_status status, const char *text)
{
    o->ending = SSH_ENDING_SSH;
    o->status = (int)status;
    buffer_add_text(&o->text, text);
}

/* ssh failed by itself, or the device closed the channel without a status. */
static void ssh_outcome_of_ssh(struct ssh_outcome *o, const struct ssh_run *r,
                               const struct ssh_target *target)
{
    const char *errors = buffer_text(&r->text[1]);
    const struct ssh_failure *f = ssh_failure_find(errors);
    bool answered = r->text[0].len > 0;

    if (f && !strcmp(f->words, KEY_CHANGED)) {
        ssh_outcome_fail(o, f->status, "");
        ssh_outcome_host_key_changed(errors, target, &o->text);
    } else if (f && !answered && f->step != SSH_STEP_SESSION) {
        ssh_outcome_fail(o, f->status, f->meaning);
        o->no_subsystem = f->step == SSH_STEP_SUBSYSTEM;
    } else if (ssh_failure_is_lost(errors)) {
        o->ending = SSH_ENDING_LOST;
        buffer_add_text(&o->text, "the connection was lost");
    } else if (!answered) {
        ssh_outcome_fail(o, EXIT_UNREACHABLE,
                         "ssh failed before the device answered; see above, and try fwssh check");
    } else {
        o->ending = SSH_ENDING_SILENT;
    }
}

void ssh_outcome_read(struct ssh_outcome *o, const struct ssh_run *r,
                      const struct ssh_target *target)
{
    char how[80];

    *o = (struct ssh_outcome){.ending = SSH_ENDING_STOPPED};
    if (r->interrupted || r->late)
        return;
    if (!WIFEXITED(r->wait_status)) {
        spawn_describe(r->wait_status, how, sizeof how);
        o->ending = SSH_ENDING_LOST;
        buffer_printf(&o->text, "ssh %s", how);
        return;
    }
    o->status = WEXITSTATUS(r->wait_status);
    if (o->status == EXIT_DONE) {
        o->ending = SSH_ENDING_DONE;
    } else if (o->status == SSH_FAILED) {
        ssh_outcome_of_ssh(o, r, target);
    } else if (o->status == SHELL_NOT_FOUND && !r->text[0].len) {
        ssh_outcome_fail(o, EXIT_FAILED, "cannot run ssh; check --ssh and FWSSH_SSH");
    } else {
        o->ending = SSH_ENDING_DEVICE;
        (void)answer_find_reason(buffer_text(&r->text[0]), buffer_text(&r->text[1]), &o->text);
    }
}

void ssh_outcome_free(struct ssh_outcome *o)
{
    buffer_free(&o->text);
}
