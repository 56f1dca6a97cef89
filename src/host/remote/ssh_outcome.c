/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/ssh_outcome.h"

#include "base/clean.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/run.h"
#include "base/spawn.h"
#include "wire/answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#define PORT_REFUSED "Connection refused"
#define KEY_UNKNOWN "Host key verification failed"
#define DISCONNECTED "Received disconnect from"
#define KEY_CHANGED "REMOTE HOST IDENTIFICATION HAS CHANGED"
/* The shell's exit status for a command that cannot be run. */
#define SHELL_NOT_FOUND 127
/* More than the largest private key. */
#define SSH_KEY_MAX 65536
/* fwup's --exit-handshake: this byte, and a status. */
#define SSH_HANDSHAKE 0x1a
/* Of a line that is quoted in a result. */
#define SSH_LAST_MAX 300

/* The most specific messages first: the last one that ssh prints often only follows from an earlier
 * one. */
static const struct ssh_failure failures[] = {
    {KEY_CHANGED, SSH_STEP_HOST_KEY, EXIT_ACCESS, NULL, false},
    {"REVOKED HOST KEY DETECTED", SSH_STEP_HOST_KEY, EXIT_ACCESS,
     "its host key is marked as revoked on this machine (known_hosts, RevokedHostKeys): the key "
     "may "
     "be stolen, and somebody may be intercepting the connection",
     false},
    {KEY_UNKNOWN, SSH_STEP_HOST_KEY, EXIT_ACCESS,
     "connect once from a terminal and compare the fingerprint with the one in fwsshd's log, or "
     "add "
     "--ssh-option StrictHostKeyChecking=accept-new",
     false},
    {"No user exists for uid", SSH_STEP_SSH, EXIT_FAILED,
     "ssh needs an entry in /etc/passwd for the user who runs it", true},
    {"Bad owner or permissions on", SSH_STEP_SSH, EXIT_USAGE, "ssh refuses its configuration",
     true},
    {"Bad configuration option", SSH_STEP_SSH, EXIT_USAGE, "ssh refuses its configuration", true},
    {"Not allowed at this time", SSH_STEP_BANNER, EXIT_REFUSED,
     "the device turns this address away for a while, after failed logins; try again in some "
     "minutes",
     false},
    {"Too many sessions", SSH_STEP_LOGIN, EXIT_REFUSED,
     "all sessions of the device are taken; try again later, or raise max-sessions", false},
    {"Session open refused by peer", SSH_STEP_SUBSYSTEM, EXIT_REFUSED,
     "the shared connection (ControlMaster) takes no further session; try again later, or add "
     "--ssh-option ControlPath=none",
     false},
    {"Exceeded MaxStartups", SSH_STEP_BANNER, EXIT_REFUSED,
     "the device takes no further logins at the moment; try again later", false},
    {"incorrect passphrase supplied", SSH_STEP_LOGIN, EXIT_ACCESS,
     "wrong passphrase for the private key", true},
    {"are too open", SSH_STEP_LOGIN, EXIT_ACCESS,
     "ssh does not use a private key that others can read (chmod 600 cures it)", true},
    {"Load key", SSH_STEP_LOGIN, EXIT_ACCESS, "ssh cannot read a private key on this machine",
     true},
    {"agent refused operation", SSH_STEP_LOGIN, EXIT_ACCESS,
     "the ssh agent on this machine refused to sign (is it locked, or was the use of the key not "
     "confirmed?)",
     true},
    {"signing failed for", SSH_STEP_LOGIN, EXIT_ACCESS, "ssh could not sign with the private key",
     true},
    {"no mutual signature", SSH_STEP_LOGIN, EXIT_ACCESS,
     "ssh and the device have no signature algorithm in common for this key; use an Ed25519 key",
     true},
    {"Too many authentication failures", SSH_STEP_LOGIN, EXIT_ACCESS,
     "the device ended the login: too many keys tried; name the right one with --user-dir DIR, or "
     "--ssh-option IdentityFile=KEY --ssh-option IdentitiesOnly=yes",
     false},
    {"not accessible: No such file", SSH_STEP_LOGIN, EXIT_ACCESS,
     "the private key that ssh should use is missing", true},
    {"no such identity", SSH_STEP_LOGIN, EXIT_ACCESS,
     "the private key that ssh should use is missing", true},
    {"Permission denied (", SSH_STEP_LOGIN, EXIT_ACCESS, NULL, false},
    {"Permission denied, please try again", SSH_STEP_LOGIN, EXIT_ACCESS, NULL, false},
    {"no matching host key type", SSH_STEP_HOST_KEY, EXIT_ACCESS,
     "ssh and the device have no host key type in common", true},
    {"no matching", SSH_STEP_HOST_KEY, EXIT_UNREACHABLE,
     "ssh and the device have no algorithm in common", true},
    {"Could not resolve hostname", SSH_STEP_NAME, EXIT_UNREACHABLE,
     "cannot resolve the name; check it, or use the address", false},
    {"Invalid argument", SSH_STEP_CONNECT, EXIT_UNREACHABLE, "ssh cannot connect to this address",
     true},
    {PORT_REFUSED, SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "nothing listens on that port; check --port, and that fwsshd runs on the device", false},
    {"No route to host", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "no route to the device; check cable and network", false},
    {"Network is unreachable", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "no route to the device; check cable and network", false},
    {"Host is down", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "the device does not answer; is it on, and on this network?", false},
    {"timed out during banner exchange", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "something accepted the connection, but sent no SSH version: another service, or a device "
     "that "
     "hangs",
     false},
    {"Connection timed out", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "the device does not answer; is it on, and on this network?", false},
    {"Operation timed out", SSH_STEP_CONNECT, EXIT_UNREACHABLE,
     "the device does not answer; is it on, and on this network?", false},
    {"Protocol major versions differ", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "the server there does not speak SSH 2", true},
    {"invalid characters", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "what listens on that port is not an SSH server; check --port", false},
    {"No SSH version received", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "what listens on that port is not an SSH server; check --port", false},
    {"kex_exchange_identification", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "the connection was closed before the login: too many sessions on the device, an address that "
     "it turns away after failed logins, or not an SSH server",
     false},
    {"subsystem request failed", SSH_STEP_SUBSYSTEM, EXIT_FAILED,
     "the device does not offer that subsystem, or refused it; check --subsystem and --port, and "
     "the device's log",
     false},
    {"open failed:", SSH_STEP_SUBSYSTEM, EXIT_REFUSED,
     "the device takes no further session on this connection; try again later", true},
    {"forwarding failed", SSH_STEP_SUBSYSTEM, EXIT_USAGE,
     "ssh's configuration asks for a forwarding that failed", true},
    {"Connection closed by", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "the device closed the connection before the login was done", false},
    {"Connection reset by", SSH_STEP_BANNER, EXIT_UNREACHABLE,
     "the device reset the connection before the login was done", false},
    {"closed by remote host", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {"Connection reset", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {"Read from remote host", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {"Broken pipe", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {"not responding", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {"Corrupted MAC", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {"message authentication code incorrect", SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
    {DISCONNECTED, SSH_STEP_SESSION, EXIT_UNREACHABLE, NULL, false},
};

#define FAILURES (sizeof failures / sizeof *failures)

/* What a jump host that works says about the way from there. */
static const struct ssh_failure jump_failures[] = {
    {"administratively prohibited", SSH_STEP_JUMP, EXIT_UNREACHABLE,
     "the jump host does not forward connections (AllowTcpForwarding there)", false},
    {"open failed:", SSH_STEP_JUMP, EXIT_UNREACHABLE, "the jump host cannot connect to the device",
     true},
};

/* The jump host itself, whatever it was. */
static const struct ssh_failure jump_failed = {
    "UNKNOWN port", SSH_STEP_JUMP, EXIT_UNREACHABLE,
    "the jump host (or ProxyCommand) failed before the device was reached", false};

/* Instead of DISCONNECTED, with this reason code: SSH_DISCONNECT_TOO_MANY_CONNECTIONS (RFC 4253,
 * section 11.1). ssh prints "Received disconnect from ADDRESS port PORT:CODE: TEXT". */
static const struct ssh_failure turned_away = {DISCONNECTED, SSH_STEP_BANNER, EXIT_REFUSED,
                                               "the device turns this address away for a while",
                                               true};
#define TURNED_AWAY_CODE ":12: "

/* The line of ssh with these words; what the device says, and ssh -v, does not count. NULL if there
 * is none. */
static const char *ssh_line(const char *errors, const char *words)
{
    for (const char *at = errors; (at = strstr(at, words)); at += strlen(words)) {
        const char *line = at;
        while (line > errors && line[-1] != '\n')
            line--;
        bool debug = !strncmp(line, "debug", 5) && !strstr(words, "Not allowed");
        if (!answer_message(line) && !debug)
            return line;
    }
    return NULL;
}

static const struct ssh_failure *ssh_failure_in(const struct ssh_failure *table, size_t count,
                                                const char *errors)
{
    for (size_t i = 0; i < count; i++)
        if (ssh_line(errors, table[i].words))
            return &table[i];
    return NULL;
}

/* Through a jump host, ssh has no address of the device. A connection that is closed before the
 * login is the jump host's fault, and so is all that the jump host's own ssh has said. */
static const struct ssh_failure *ssh_failure_of_jump(const char *errors)
{
    size_t count = sizeof jump_failures / sizeof *jump_failures;
    const struct ssh_failure *f = NULL;

    if (!ssh_line(errors, jump_failed.words) && !ssh_line(errors, "stdio forwarding failed"))
        return NULL;
    f = ssh_failure_in(jump_failures, count, errors);
    return f ? f : &jump_failed;
}

static bool ssh_is_turned_away(const char *errors)
{
    const char *line = ssh_line(errors, DISCONNECTED);
    const char *code = line ? strstr(line, TURNED_AWAY_CODE) : NULL;

    return code && code < line + strcspn(line, "\n");
}

const struct ssh_failure *ssh_failure_find(const char *errors)
{
    const struct ssh_failure *f = ssh_failure_of_jump(errors);

    if (!f)
        f = ssh_is_turned_away(errors) ? &turned_away : ssh_failure_in(failures, FAILURES, errors);
    return f;
}

/* Whether a working connection was lost; messages about earlier steps do not count. */
static bool ssh_failure_is_lost(const char *errors)
{
    for (size_t i = 0; i < FAILURES; i++)
        if (failures[i].step == SSH_STEP_SESSION && ssh_line(errors, failures[i].words))
            return true;
    return false;
}

/* Whether ssh says that of a connection which it only has after the login. */
static bool ssh_was_logged_in(const char *errors)
{
    static const char *const words[] = {"closed by remote host", "Read from remote host",
                                        "client_loop: ", "not responding"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ssh_line(errors, words[i]))
            return true;
    return false;
}

/* Appends the line of ssh with these words. */
static void ssh_quote(const char *errors, const char *words, struct buffer *text)
{
    const char *line = ssh_line(errors, words);

    if (!line)
        return;
    char *copy = memory_printf("%.*s", (int)strcspn(line, "\r\n"), line);
    clean_line(copy);
    buffer_printf(text, ": %s", copy);
    free(copy);
}

/* What went wrong at the jump host, in the words of the ssh that went there. */
static enum exit_status ssh_blame_jump(const char *errors, struct buffer *text)
{
    const struct ssh_failure *f = ssh_failure_in(failures, FAILURES, errors);
    bool known = f && f->step < SSH_STEP_SUBSYSTEM && f->step != SSH_STEP_BANNER;

    buffer_add_text(text, jump_failed.meaning);
    if (known)
        ssh_quote(errors, f->words, text);
    return known ? f->status : EXIT_UNREACHABLE;
}

/* Whether a private key needs a passphrase: the old format says so, the new one names no cipher. */
static bool ssh_key_is_locked(const char *path)
{
    static const char start[] = "b3BlbnNzaC1rZXktdjEA", none[] = "AAAABG5vbmU";
    struct buffer text = {0};
    struct error ignored;

    if (io_read_file(path, SSH_KEY_MAX, &text, &ignored)) {
        buffer_free(&text);
        return false;
    }
    const char *at = strstr(buffer_text(&text), start);
    bool locked = at ? strncmp(at + strlen(start), none, strlen(none)) != 0
                     : strstr(buffer_text(&text), "ENCRYPTED") != NULL;
    if (text.data)
        explicit_bzero(text.data, text.len);
    buffer_free(&text);
    return locked;
}

/* ssh offers a key for which it has no passphrase, and does not say that it cannot sign with it. */
static bool ssh_blame_locked_key(const struct ssh_target *target, struct buffer *text)
{
    for (size_t i = 0; i < target->keys.count && !target->has_passphrase; i++)
        if (ssh_key_is_locked(target->keys.word[i])) {
            buffer_printf(text,
                          "no login: %s needs a passphrase (ssh-add it, or use "
                          "--passphrase-file), or the device does not accept it; it accepts no "
                          "other key of yours",
                          target->keys.word[i]);
            return true;
        }
    return false;
}

/* A server does not say whether it has such a user. */
static void ssh_blame_keys(const struct ssh_target *target, struct buffer *text)
{
    if (ssh_blame_locked_key(target, text))
        return;
    buffer_add_text(text, "the device does not accept any of your keys");
    if (target->user)
        buffer_printf(text, " for the user '%s', or has no such user", target->user);
    buffer_add_text(text, "; check with fwssh check, and add your public key to its "
                          "authorized_keys");
}

/* ssh -v shows the key. */
static void ssh_name_host_key(const char *errors, struct buffer *text)
{
    static const char words[] = "Server host key: ";
    const char *key = NULL;

    for (const char *p = errors; (p = strstr(p, words)); p = key)
        key = p + strlen(words);
    buffer_add_text(text, "unknown host key");
    if (key) {
        char *copy = memory_printf("%.*s", (int)strcspn(key, "\r\n"), key);
        clean_line(copy);
        buffer_printf(text, " %s", copy);
        free(copy);
    }
    buffer_add_text(text, "; ");
}

static void ssh_hint_at_name(const struct ssh_target *target, struct buffer *text)
{
    const char *name = target->hostname ? target->hostname : "";
    size_t len = strlen(name);

    if (len > 6 && !strcmp(name + len - 6, ".local"))
        buffer_add_text(text, ". Names in .local need mDNS on this machine (libnss-mdns, or "
                              "systemd-resolved), and do not cross routers");
}

static void ssh_hint_at_zone(const struct ssh_target *target, struct buffer *text)
{
    const char *name = target->hostname ? target->hostname : "";

    if (!strncasecmp(name, "fe80:", 5) && !strchr(name, '%'))
        buffer_printf(text, ". A link-local address needs its interface: %s%%eth0", name);
}

enum exit_status ssh_failure_describe(const struct ssh_failure *f, const char *errors,
                                      const struct ssh_target *target, struct buffer *text)
{
    if (f == &jump_failed)
        return ssh_blame_jump(errors, text);
    if (!strcmp(f->words, KEY_CHANGED)) {
        ssh_outcome_host_key_changed(errors, target, text);
        return f->status;
    }
    if (!strncmp(f->words, "Permission", 10)) {
        ssh_blame_keys(target, text);
        return f->status;
    }
    if (!strcmp(f->words, KEY_UNKNOWN))
        ssh_name_host_key(errors, text);
    buffer_add_text(text, f->meaning ? f->meaning : "the connection was lost");
    if (f->quotes)
        ssh_quote(errors, f->words, text);
    if (f->step == SSH_STEP_NAME)
        ssh_hint_at_name(target, text);
    if (f->step == SSH_STEP_CONNECT)
        ssh_hint_at_zone(target, text);
    return f->status;
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

/* A connection that worked was lost; how, where the device has said so. */
static void ssh_outcome_lost(struct ssh_outcome *o, const char *errors)
{
    const char *line = ssh_line(errors, "Received disconnect from");
    const char *reason = line ? strstr(line, ": ") : NULL;

    o->ending = SSH_ENDING_LOST;
    if (!reason || reason > line + strcspn(line, "\r\n")) {
        buffer_add_text(&o->text, "the connection was lost");
        return;
    }
    char *copy = memory_printf("%.*s", (int)strcspn(reason + 2, "\r\n"), reason + 2);
    clean_line(copy);
    buffer_printf(&o->text, "the device ended the connection (%s)", copy);
    free(copy);
}

static bool ssh_is_chatter(const char *line)
{
    static const char *const lines[] = {"Running fwup...", "Rebooting...", "Success!",
                                        "Warning: ", "fwssh-receive: warning: ",
                                        /* of ssh -v */
                                        "debug1: ", "debug2: ", "debug3: ", "Transferred: ",
                                        "Bytes per second: ", "Authenticated to "};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strncmp(line, lines[i], strlen(lines[i])))
            return true;
    if (*line == SSH_HANDSHAKE)
        return true;
    return answer_message(line) || answer_is_line(line);
}

/* Removes what moves a cursor or colours text (ECMA-48, 5.4): an updater clears its progress bar
 * before it says what is wrong. */
static void ssh_drop_sequences(char *text)
{
    char *to = text;

    for (const char *at = text; *at;) {
        if (strncmp(at, "\033[", 2) != 0) {
            *to++ = *at++;
            continue;
        }
        at += 2;
        while (*at >= ' ' && *at < '@')
            at++;
        at += *at >= '@' && *at <= '~';
    }
    *to = '\0';
}

/* The last line of a text that may give a reason: of the updater, or of another server. */
static void ssh_last_line(const char *text, struct buffer *last)
{
    for (const char *line = text; *line; line += strcspn(line, "\r\n"), line += *line != '\0') {
        size_t len = strcspn(line, "\r\n");
        bool progress = line[len] == '\r' && line[len + 1] != '\n';
        if (!len || progress || ssh_is_chatter(line))
            continue;
        char *copy = memory_printf("%.*s", (int)(len < SSH_LAST_MAX ? len : SSH_LAST_MAX), line);
        ssh_drop_sequences(copy);
        clean_line(copy);
        if (*copy) {
            buffer_clear(last);
            buffer_add_text(last, copy);
        }
        free(copy);
    }
}

/* Nothing that we know: the last line that ssh has printed. */
static void ssh_outcome_unknown(struct ssh_outcome *o, const char *errors)
{
    struct buffer last = {0};

    ssh_last_line(errors, &last);
    if (last.len) {
        ssh_outcome_fail(o, EXIT_UNREACHABLE, "ssh failed before the device answered: ");
        buffer_add(&o->text, last.data, last.len);
        buffer_add_text(&o->text, "; try fwssh check");
    } else {
        ssh_outcome_fail(o, EXIT_UNREACHABLE,
                         "the device did not answer, and neither ssh nor the device said why; try "
                         "fwssh check, and look into the device's log");
    }
    buffer_free(&last);
}

static void ssh_outcome_last(struct ssh_outcome *o, const struct ssh_run *r)
{
    ssh_last_line(buffer_text(&r->text[1]), &o->last);
    if (!o->last.len)
        ssh_last_line(buffer_text(&r->text[0]), &o->last);
}

/* ssh failed by itself, or the device closed the channel without a status. */
static void ssh_outcome_of_ssh(struct ssh_outcome *o, const struct ssh_run *r,
                               const struct ssh_target *target)
{
    const char *errors = buffer_text(&r->text[1]);
    const struct ssh_failure *f = ssh_failure_find(errors);
    /* More than fits into a pipe has been taken: ssh reads its input only when it is connected. */
    bool worked = r->text[0].len > 0 || r->fed > SSH_RUN_PIPE;

    /* ssh reads its input before the device has answered the request for a subsystem. */
    bool no_answer = f && f->step == SSH_STEP_SUBSYSTEM && !r->text[0].len;

    if (f && f->step != SSH_STEP_SESSION && (!worked || no_answer || f->status == EXIT_REFUSED)) {
        ssh_outcome_fail(o, f->status, "");
        o->status = (int)ssh_failure_describe(f, errors, target, &o->text);
        o->refused = !strcmp(f->words, PORT_REFUSED);
        o->no_subsystem = f->step == SSH_STEP_SUBSYSTEM && f->status == EXIT_FAILED;
    } else if (r->lost || ssh_failure_is_lost(errors) || (f && f->step == SSH_STEP_BANNER)) {
        ssh_outcome_lost(o, errors);
        o->unanswered = !worked && !r->lost && !ssh_was_logged_in(errors);
    } else if (!worked) {
        ssh_outcome_unknown(o, errors);
    } else {
        o->ending = SSH_ENDING_SILENT;
        ssh_outcome_last(o, r);
    }
}

const char *ssh_outcome_silence(int status)
{
    return status == SHELL_NOT_FOUND
               ? "the server there does not find the program of its subsystem (status 127); "
                 "install it, or correct the server's configuration"
               : "it gave no reason; see its log";
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
        ssh_outcome_last(o, r);
    } else if (o->status == SSH_FAILED) {
        ssh_outcome_of_ssh(o, r, target);
    } else {
        o->ending = SSH_ENDING_DEVICE;
        ssh_outcome_last(o, r);
        (void)answer_find_reason(buffer_text(&r->text[0]), buffer_text(&r->text[1]), &o->text);
    }
}

void ssh_outcome_free(struct ssh_outcome *o)
{
    buffer_free(&o->text);
    buffer_free(&o->last);
}
