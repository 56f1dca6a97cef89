/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/push_outcome.h"

#include "host/remote/question.h"
#include "host/remote/ssh_outcome.h"
#include "wire/answer.h"
#include "wire/subsystem.h"

#include <string.h>

/* The last output of the nerves_firmware_ssh server and of fwsshd before a reboot. */
static const char rebooting[] = "Rebooting...\n";

static bool push_says_rebooting(const struct transfer *t)
{
    const struct buffer *said = &t->ssh.text[0];
    size_t len = strlen(rebooting);

    return said->len >= len && !strcmp(said->data + said->len - len, rebooting);
}

/* What comes before the updater's text. */
static const char running[] = "Running fwup...";
/* fwup's last line of text, which the server passes on. */
static const char success[] = "Success!";
/* fwup's --exit-handshake: this byte and the exit status, which fwsshd removes from the text. */
#define PUSH_HANDSHAKE 0x1a

static bool push_says_success(const struct transfer *t)
{
    const struct buffer *said = &t->ssh.text[0];

    return said->len && memmem(said->data, said->len, success, strlen(success));
}

/* nerves_firmware_ssh 0.3 ends with status 0 whatever fwup has said. fwup's exit status; 0 also if
 * there is none in the text. */
static int push_said_status(const struct transfer *t)
{
    const struct buffer *said = &t->ssh.text[0];
    const char *at = said->len ? memrchr(said->data, PUSH_HANDSHAKE, said->len) : NULL;

    return at && at + 1 < said->data + said->len ? (unsigned char)at[1] : 0;
}

/* Whether a reboot was asked for that the server announces. */
static bool push_expects_reboot(const struct host_options *o, const struct transfer *t)
{
    return !t->asks && *t->header && !o->job.no_reboot;
}

bool push_outcome_is_doubtful(const struct host_options *o, const struct transfer *t)
{
    return !t->asks && *t->header && o->job.no_reboot && !push_says_success(t) &&
           !push_said_status(t);
}

/* What the device has printed last may be the reason. */
static void push_add_last(const char *last, struct buffer *text)
{
    if (*last)
        buffer_printf(text, " (its last words: %s)", last);
}

/* Status 0 from a server that speaks only the protocol of nerves_firmware_ssh. Returns 0 if its
 * text does not contradict that, else the exit status. */
static int push_contradiction(const struct host_options *o, const struct transfer *t, bool trusted,
                              const char *last, struct buffer *text)
{
    bool rebooted = push_says_rebooting(t);
    int said = push_said_status(t);

    if (said) {
        buffer_printf(text,
                      "the updater on the device exited with status %d, although the device "
                      "reported success",
                      said);
        push_add_last(last, text);
        return EXIT_FAILED;
    }
    if (!t->asks && *t->header && !trusted && !rebooted && !push_says_success(t)) {
        buffer_add_text(text, "the device reported success, but its updater did not (no "
                              "\"Success!\" in its output); check what it runs");
        push_add_last(last, text);
        return EXIT_FAILED;
    }
    if (push_expects_reboot(o, t) && !rebooted) {
        buffer_add_text(text, "the device has written the firmware, but did not say that it "
                              "reboots: it may still run the old one");
        return EXIT_UNCONFIRMED;
    }
    return 0;
}

static const char *push_done_text(const struct host_options *o)
{
    bool bare = !strcmp(o->reach.subsystem, SUBSYSTEM_FWUP);

    if (o->job.stage)
        return "Done: the device has written the firmware and still runs the old one; fwssh "
               "activate boots it.";
    if (o->job.no_reboot && !bare)
        return "Done: the device has written the firmware; it starts at the next reboot.";
    return "Done: the device has written the firmware and reboots.";
}

static int push_good(const struct host_options *o, const struct transfer *t, bool trusted,
                     const char *last, struct buffer *text)
{
    int status = push_contradiction(o, t, trusted, last, text);

    if (status)
        return status;
    if (t->sent < t->total) {
        buffer_printf(text,
                      "the device reported success after only %.1f of %.1f MB; check what it runs",
                      (double)t->sent / 1e6, (double)t->total / 1e6);
        return EXIT_UNCONFIRMED;
    }
    if (o->job.task && !o->job.stage)
        buffer_printf(text, "Done: the device has done task %s%s.", o->job.task,
                      o->job.no_reboot ? "" : " and reboots");
    else
        buffer_add_text(text, push_done_text(o));
    return EXIT_DONE;
}

/* The connection was lost, perhaps before there was one: what was sent may lie in the pipe to ssh.
 */
static int push_unanswered(const struct transfer *t, const char *why, struct buffer *text)
{
    bool all = t->sent >= t->total;

    buffer_printf(text, "%s before it had answered; %s", why,
                  all ? "if the login was done by then, it may have everything: check what it runs "
                        "before you push again"
                      : "the device keeps its running firmware. Push again");
    return all ? EXIT_UNCONFIRMED : EXIT_UNREACHABLE;
}

/* The connection was lost. Before the last byte, nothing has been changed. */
static int push_lost(const struct transfer *t, const char *why, struct buffer *text)
{
    if (t->sent < t->total) {
        buffer_printf(text,
                      "%s after at most %.1f of %.1f MB; the device keeps its running firmware. "
                      "Push again",
                      why, (double)t->sent / 1e6, (double)t->total / 1e6);
        return EXIT_UNREACHABLE;
    }
    buffer_printf(text,
                  "%s after the last byte, before the device reported the result; check what it "
                  "runs before you push again",
                  why);
    return EXIT_UNCONFIRMED;
}

static int push_interrupted(const struct transfer *t, struct buffer *text)
{
    buffer_add_text(text, t->sent < t->total
                              ? "interrupted; the device keeps its running firmware"
                              : "interrupted after the last byte: the device may finish the "
                                "update; check what it runs");
    return EXIT_INTERRUPTED;
}

/* The time of --timeout is up. */
static int push_late(const struct host_options *o, const struct transfer *t, struct buffer *text)
{
    bool all = t->sent >= t->total;

    buffer_printf(text, "not done within %d s (--timeout); %s", o->reach.timeout,
                  all ? "the device has everything and may finish the update: check what it runs "
                        "before you push again"
                      : "the device keeps its running firmware");
    return all ? EXIT_UNCONFIRMED : EXIT_UNREACHABLE;
}

/* The device sent a failure status, with or without ("") a reason. */
static int push_refused(int status, const char *reason, const char *last, struct buffer *text)
{
    static const char *const meanings[EXIT_WIRE_MAX + 1] = {
        [EXIT_FAILED] = "the update failed on the device",
        [EXIT_USAGE] = "the device did not understand the request",
        [EXIT_REFUSED] = "the device refused",
        [EXIT_MISMATCH] = "the firmware does not fit the device or is damaged",
    };
    int known = status <= EXIT_WIRE_MAX ? status : EXIT_FAILED;

    buffer_add_text(text, meanings[known]);
    if (known != status)
        buffer_printf(text, " (status %d)", status);
    if (*reason || *last)
        buffer_printf(text, ": %s", *reason ? reason : last);
    else
        buffer_printf(text, ": %s", ssh_outcome_silence(status));
    /* Of an updater that fails, the device knows the status only. */
    bool adds = *reason && !strstr(reason, last);
    if (adds && (known == EXIT_FAILED || known == EXIT_MISMATCH))
        push_add_last(last, text);
    return known;
}

/* Whether the device has come as far as the updater: what else is in the text of one that has not
 * is no reason for its refusal, as a shell's greeting. */
static bool push_updater_ran(const struct transfer *t)
{
    const char *said = buffer_text(&t->ssh.text[0]);
    struct answer a;

    if (!t->asks)
        return !*t->header || strstr(said, running);
    bool accepted = answer_parse(&a, said) && !a.status;
    answer_free(&a);
    return accepted;
}

int push_outcome(const struct host_options *o, const struct transfer *t,
                 const struct ssh_target *target, bool trusted, struct buffer *text)
{
    struct ssh_outcome outcome;
    int status = EXIT_FAILED;

    ssh_outcome_read(&outcome, &t->ssh, target);
    const char *why = buffer_text(&outcome.text);
    switch (outcome.ending) {
    case SSH_ENDING_DONE:
        status = push_good(o, t, trusted, buffer_text(&outcome.last), text);
        break;
    case SSH_ENDING_DEVICE:
        if (*why && !push_updater_ran(t))
            buffer_clear(&outcome.last);
        status = push_refused(outcome.status, why, buffer_text(&outcome.last), text);
        break;
    case SSH_ENDING_SILENT:
        /* This is how the nerves_firmware_ssh server reports a failure. */
        if (outcome.last.len)
            buffer_printf(text, "the device ended the update without success; its last words: %s",
                          buffer_text(&outcome.last));
        else
            buffer_add_text(text,
                            "the device ended the update without success and gave no reason; its "
                            "log may have one");
        break;
    case SSH_ENDING_SSH:
        buffer_add_text(text, why);
        if (outcome.refused && target->port == REACH_DEFAULT_PORT && !o->reach.port &&
            question_may_have_fwup(&o->reach, target->name))
            buffer_add_text(text, ". At port 22 there is Erlang's SSH server, as on Nerves "
                                  "devices: if the firmware is to go there, and fwsshd is not "
                                  "just restarting, add --subsystem fwup");
        status = outcome.status;
        break;
    case SSH_ENDING_LOST:
        status = outcome.unanswered ? push_unanswered(t, why, text) : push_lost(t, why, text);
        break;
    case SSH_ENDING_STOPPED:
        status = t->ssh.late ? push_late(o, t, text) : push_interrupted(t, text);
        break;
    }
    ssh_outcome_free(&outcome);
    return status;
}
