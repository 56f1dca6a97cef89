#include "host/remote/outcome.h"

#include "base/memory.h"
#include "base/run.h"
#include "base/spawn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Known words of OpenSSH's client, which speaks English everywhere, and what they mean for a push.
 */
static const struct {
    const char *words;
    enum exit_status status;
    const char *meaning;
} causes[] = {
    {"Host key verification failed", EXIT_ACCESS,
     "its host key is not known to this machine, so it was not trusted; connect once from a "
     "terminal and "
     "compare the fingerprint with the one that fwsshd logs, or add --ssh-option "
     "StrictHostKeyChecking=accept-new"},
    {"Too many authentication failures", EXIT_ACCESS,
     "too many keys were tried; name the right one with --user-dir DIR, or --ssh-option "
     "IdentityFile=KEY "
     "--ssh-option IdentitiesOnly=yes"},
    {"Permission denied", EXIT_ACCESS,
     "the device does not accept any of your keys; check with fwssh check, and add your public key "
     "to its "
     "authorized_keys"},
    {"no matching host key type", EXIT_ACCESS,
     "ssh and the device have no host key type in common"},
    {"no matching", EXIT_UNREACHABLE, "ssh and the device have no algorithms in common; see above"},
    {"Could not resolve hostname", EXIT_UNREACHABLE,
     "the name cannot be resolved; check it, or use the address (nerves.local needs mDNS)"},
    {"Connection refused", EXIT_UNREACHABLE,
     "nothing listens on that port; check --port, and that fwsshd runs on the device"},
    {"No route to host", EXIT_UNREACHABLE,
     "there is no way to the device; check cable and network"},
    {"Network is unreachable", EXIT_UNREACHABLE,
     "there is no way to the device; check cable and network"},
    {"Connection timed out", EXIT_UNREACHABLE,
     "the device does not answer; is it on and on this network?"},
    {"kex_exchange_identification", EXIT_UNREACHABLE,
     "the device closed the connection before the login; too many sessions, or not an SSH server"},
    {"subsystem request failed", EXIT_FAILED,
     "the device does not offer that subsystem, or refused it; check --subsystem and --port, and "
     "the device's "
     "log"},
    {"Load key", EXIT_ACCESS, "a private key cannot be read; see above"},
};

static const char *const lost_words[] = {
    "closed by remote host",
    "Connection reset",
    "Broken pipe",
    "not responding",
    "Corrupted MAC",
    "Connection closed by",
    "message authentication code incorrect",
};

static bool outcome_says(const struct transfer *t, const char *words)
{
    return strstr(buffer_text(&t->err), words) != NULL;
}

/* The fingerprint that the last words "fingerprint for the ... key sent by the remote host is"
 * announce. */
static char *outcome_new_fingerprint(const struct transfer *t)
{
    const char *at = strstr(buffer_text(&t->err), "sent by the remote host is");
    const char *fingerprint = at ? strstr(at, "SHA256:") : NULL;

    if (!fingerprint)
        return memory_text("(not shown)");
    return memory_printf("%.*s", (int)strcspn(fingerprint, " .\r\n"), fingerprint);
}

/* FILE of "Offending ... key in FILE:LINE". The caller frees it; NULL if ssh did not say. */
static char *outcome_known_hosts(const struct transfer *t)
{
    const char *at = strstr(buffer_text(&t->err), "Offending ");
    const char *file = at ? strstr(at, " key in ") : NULL;

    if (!file)
        return NULL;
    char *path = memory_printf("%.*s", (int)strcspn(file + 8, "\r\n"), file + 8);
    char *colon = strrchr(path, ':');
    if (colon)
        *colon = '\0';
    return path;
}

static char *outcome_old_fingerprint(const char *file, const char *known_as)
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

static int outcome_host_key_changed(const struct transfer *t, const struct ssh_target *target,
                                    struct buffer *text)
{
    char *file = outcome_known_hosts(t);
    char *now = outcome_new_fingerprint(t);

    if (!file && target->known_hosts)
        file = memory_text(target->known_hosts);
    char *before =
        file ? outcome_old_fingerprint(file, target->known_as) : memory_text("(not known)");
    buffer_printf(
        text,
        "its host key has changed: it was %s and is now %s. If you expect that (a card written "
        "anew, another board), remove the old key with\n"
        "  ssh-keygen -f \"%s\" -R \"%s\"\n"
        "and push again; if not, somebody may be between you and the device",
        before, now, file ? file : "~/.ssh/known_hosts", target->known_as);
    free(before);
    free(now);
    free(file);
    return EXIT_ACCESS;
}

static bool outcome_connection_broke(const struct transfer *t)
{
    for (size_t i = 0; i < sizeof lost_words / sizeof *lost_words; i++)
        if (outcome_says(t, lost_words[i]))
            return true;
    return false;
}

static int outcome_lost(const struct transfer *t, struct buffer *text)
{
    if (t->sent < t->total) {
        buffer_printf(
            text,
            "the connection was lost after %.1f of %.1f MB; the device keeps its running firmware. "
            "Push again",
            (double)t->sent / 1e6, (double)t->total / 1e6);
        return EXIT_UNREACHABLE;
    }
    buffer_add_text(
        text, "the connection was lost after the last byte, before the device said how it ended; "
              "see what the device runs before you push again");
    return EXIT_UNCONFIRMED;
}

/* ssh ends with 255 for its own failures, and when the device closed the channel without a status.
 */
static int outcome_of_ssh(const struct transfer *t, const struct ssh_target *target,
                          struct buffer *text)
{
    bool began = t->out.len > 0;

    if (outcome_says(t, "REMOTE HOST IDENTIFICATION HAS CHANGED"))
        return outcome_host_key_changed(t, target, text);
    for (size_t i = 0; !began && i < sizeof causes / sizeof *causes; i++)
        if (outcome_says(t, causes[i].words)) {
            buffer_add_text(text, causes[i].meaning);
            return (int)causes[i].status;
        }
    if (outcome_connection_broke(t))
        return outcome_lost(t, text);
    if (!began) {
        buffer_add_text(text,
                        "ssh failed before the device answered; see above, and try fwssh check");
        return EXIT_UNREACHABLE;
    }
    /* Devices of the origin tell a failure in just this way. */
    buffer_add_text(
        text, "the device ended the update without success and without saying why; see its text "
              "above and its log");
    return EXIT_FAILED;
}

static int outcome_of_device(int status, struct buffer *text)
{
    switch (status) {
    case EXIT_USAGE:
        buffer_add_text(text, "the device did not understand the request; see its text above");
        return EXIT_USAGE;
    case EXIT_REFUSED:
        buffer_add_text(text, "the device refused: see its text above, and try again later");
        return EXIT_REFUSED;
    case EXIT_MISMATCH:
        buffer_add_text(text,
                        "the firmware does not fit the device or is damaged; see its text above");
        return EXIT_MISMATCH;
    default:
        buffer_printf(text, "the update failed on the device (status %d); see its text above",
                      status);
        return EXIT_FAILED;
    }
}

static int outcome_good(const struct transfer *t, const struct push_options *o, struct buffer *text)
{
    const char *said = buffer_text(&t->out);
    size_t len = t->out.len;
    bool bare = push_options_are_bare(o);

    if (t->sent < t->total) {
        buffer_printf(
            text,
            "the device said that it is done after %.1f of %.1f MB; that cannot be: see what it "
            "runs",
            (double)t->sent / 1e6, (double)t->total / 1e6);
        return EXIT_UNCONFIRMED;
    }
    if (o->stage)
        buffer_add_text(text,
                        "Done: the device has written the firmware and keeps the running one; "
                        "fwssh activate boots it.");
    else if (push_options_need_request(o))
        buffer_printf(text, "Done: the device has done task %s%s.", o->task,
                      o->no_reboot ? "" : " and reboots");
    else if (o->no_reboot && !bare)
        buffer_add_text(text,
                        "Done: the device has written the firmware; it starts at the next reboot.");
    else if (bare || (len >= 13 && !strcmp(said + len - 13, "Rebooting...\n")))
        buffer_add_text(text, "Done: the device has written the firmware and reboots.");
    else
        buffer_add_text(
            text, "The device has written the firmware, but did not say that it reboots: it may "
                  "still run the old one.");
    return EXIT_DONE;
}

int outcome_judge(const struct transfer *t, const struct push_options *o,
                  const struct ssh_target *target, struct buffer *text)
{
    if (t->interrupted) {
        buffer_add_text(
            text, t->sent < t->total
                      ? "interrupted; the device keeps its running firmware"
                      : "interrupted after the last byte: the device may finish the update; see "
                        "what it runs");
        return EXIT_INTERRUPTED;
    }
    if (!WIFEXITED(t->wait_status)) {
        char how[80];
        spawn_describe(t->wait_status, how, sizeof how);
        buffer_printf(text, "ssh %s", how);
        return t->sent < t->total ? EXIT_UNREACHABLE : EXIT_UNCONFIRMED;
    }
    int status = WEXITSTATUS(t->wait_status);
    if (status == EXIT_DONE)
        return outcome_good(t, o, text);
    if (status == 255)
        return outcome_of_ssh(t, target, text);
    if (status == 127 && !t->out.len) {
        buffer_add_text(text, "ssh could not be run; check --ssh and FWSSH_SSH");
        return EXIT_FAILED;
    }
    return outcome_of_device(status, text);
}
