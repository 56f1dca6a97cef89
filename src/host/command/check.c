#include "host/command/check.h"

#include "base/buffer.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/spawn.h"
#include "host/output/console.h"
#include "host/remote/ssh_command.h"
#include "wire/answer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A device of the origin never answers an empty request: it is left after this time. */
#define CHECK_SECONDS 30
#define CHECK_QUIET_SECONDS 5
#define CHECK_TEXT_MAX (1u << 20)

struct check {
    const struct push_options *o;
    struct ssh_target target;
    struct buffer out, err; /* ssh -v's words are in err */
    int wait_status;
    bool timed_out;
    int status; /* of the first step that failed */
};

static void check_tell(struct check *c, bool ok, const char *step, const char *text)
{
    if (c->o->json) {
        struct buffer line = {0};
        buffer_add_text(&line, "{\"event\":\"check\",\"host\":");
        console_json_string(&line, c->target.given ? c->target.given : "");
        buffer_add_text(&line, ",\"step\":");
        console_json_string(&line, step);
        buffer_printf(&line, ",\"ok\":%s,\"text\":", ok ? "true" : "false");
        console_json_string(&line, text);
        buffer_add_text(&line, "}\n");
        fputs(buffer_text(&line), stdout);
        buffer_free(&line);
    } else if (!ok || !c->o->quiet) {
        printf("%-4s %-10s %s\n", ok ? "OK" : "FAIL", step, text);
    }
    fflush(stdout);
}

static void check_fail(struct check *c, const char *step, enum exit_status status, const char *text)
{
    check_tell(c, false, step, text);
    if (!c->status)
        c->status = (int)status;
}

/* Both streams until ssh ends; after the login, silence means that the device only waits. */
static void check_listen(struct check *c, int out, int err)
{
    double end = io_now() + CHECK_SECONDS;
    int fds[2] = {out, err};

    while (fds[0] >= 0 || fds[1] >= 0) {
        bool waits = strstr(buffer_text(&c->err), "Sending subsystem") != NULL;
        struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
        int n = poll(p, 2, (waits ? CHECK_QUIET_SECONDS : CHECK_SECONDS) * 1000);
        if (n <= 0 || io_now() > end) {
            c->timed_out = true;
            return;
        }
        for (int i = 0; i < 2; i++) {
            char data[4096];
            if (!p[i].revents)
                continue;
            ssize_t len = read(fds[i], data, sizeof data);
            if (len <= 0)
                fds[i] = -1;
            else if (c->out.len + c->err.len < CHECK_TEXT_MAX)
                buffer_add(i ? &c->err : &c->out, data, (size_t)len);
        }
    }
}

static int check_run_ssh(struct check *c, struct error *err)
{
    static const char *const verbose[] = {"-v", NULL};
    int out[2] = {-1, -1}, errors[2] = {-1, -1};
    struct ssh_askpass askpass;
    int rc = -1;

    if (ssh_askpass_open(&askpass, c->o->passphrase, err))
        return -1;
    if (pipe2(out, O_CLOEXEC) || pipe2(errors, O_CLOEXEC)) {
        error_errno(err, "cannot make a pipe");
        goto cleanup;
    }
    const int fds[3] = {-1, out[1], errors[1]};
    pid_t pid = ssh_command_start(c->o, &c->target, verbose, &askpass, fds, err);
    io_close(&out[1]);
    io_close(&errors[1]);
    if (pid < 0)
        goto cleanup;
    check_listen(c, out[0], errors[0]);
    if (c->timed_out)
        kill(pid, SIGTERM);
    c->wait_status = spawn_wait(pid);
    rc = 0;
cleanup:
    for (int i = 0; i < 2; i++) {
        io_close(&out[i]);
        io_close(&errors[i]);
    }
    ssh_askpass_close(&askpass);
    return rc;
}

/* The rest of the last line that begins with the words, in text that the caller frees; NULL if
 * there is none. */
static char *check_line(const struct check *c, const char *words)
{
    const char *text = buffer_text(&c->err), *found = NULL;

    for (const char *p = text; (p = strstr(p, words)); p += strlen(words))
        found = p;
    if (!found)
        return NULL;
    found += strlen(words);
    return memory_printf("%.*s", (int)strcspn(found, "\r\n"), found);
}

/* Tells OK with what ssh said if it said it. */
static bool check_said(struct check *c, const char *words, const char *step, const char *prefix)
{
    char *line = check_line(c, words);

    if (!line)
        return false;
    char *text = memory_printf("%s%s", prefix, line);
    check_tell(c, true, step, text);
    free(text);
    free(line);
    return true;
}

static bool check_has(const struct check *c, const char *words)
{
    return strstr(buffer_text(&c->err), words) != NULL;
}

static bool check_reach(struct check *c)
{
    if (check_has(c, "Could not resolve hostname")) {
        check_fail(c, "name", EXIT_UNREACHABLE,
                   "cannot be resolved; check it, or use the address (nerves.local needs mDNS)");
        return false;
    }
    check_tell(c, true, "name", c->target.hostname);
    if (!check_has(c, "Connection established") && !check_has(c, "Remote protocol version")) {
        char *text =
            memory_printf("no connection to port %d; is the device on, on this network, and does "
                          "fwsshd run there?",
                          c->target.port);
        check_fail(c, "connect", EXIT_UNREACHABLE, text);
        free(text);
        return false;
    }
    char *port = memory_printf("port %d", c->target.port);
    check_tell(c, true, "connect", port);
    free(port);
    if (!check_said(c, "remote software version ", "banner", "")) {
        check_fail(c, "banner", EXIT_UNREACHABLE,
                   "no SSH banner came: another service, or too many sessions on the device");
        return false;
    }
    return true;
}

static bool check_host_key(struct check *c)
{
    if (check_has(c, "REMOTE HOST IDENTIFICATION HAS CHANGED")) {
        char *text =
            memory_printf("has changed; if you expect that: ssh-keygen -f \"%s\" -R \"%s\"",
                          c->target.known_hosts ? c->target.known_hosts : "~/.ssh/known_hosts",
                          c->target.known_as);
        check_fail(c, "host key", EXIT_ACCESS, text);
        free(text);
        return false;
    }
    if (check_has(c, "Host key verification failed")) {
        check_fail(c, "host key", EXIT_ACCESS,
                   "is not known here; connect once from a terminal and compare the fingerprint "
                   "with fwsshd's "
                   "log, or add --ssh-option StrictHostKeyChecking=accept-new");
        return false;
    }
    if (!check_said(c, "Server host key: ", "host key", "")) {
        check_fail(c, "host key", EXIT_UNREACHABLE, "the key exchange failed; see ssh -v");
        return false;
    }
    return true;
}

/* "debug1: Offering public key: PATH TYPE FINGERPRINT SOURCE" for each key. */
static void check_offered(struct check *c)
{
    static const char words[] = "Offering public key: ";

    for (const char *p = buffer_text(&c->err); (p = strstr(p, words));) {
        p += strlen(words);
        char *line = memory_printf("offered %.*s", (int)strcspn(p, "\r\n"), p);
        check_tell(c, true, "key", line);
        free(line);
    }
}

static bool check_login(struct check *c)
{
    check_offered(c);
    if (check_has(c, "Authenticated to ")) {
        char *line = check_line(c, "Server accepts key: ");
        char *text = memory_printf("accepted %s", line ? line : "by the device");
        check_tell(c, true, "login", text);
        free(text);
        free(line);
        return true;
    }
    check_fail(c, "login", EXIT_ACCESS,
               check_has(c, "Offering public key: ")
                   ? "the device accepts none of these keys; add one to its authorized_keys"
                   : "no key to offer; make one with ssh-keygen, or name it with --user-dir");
    return false;
}

/* "task upgrade, updater /usr/bin/fwup, device /dev/mmcblk0" */
static void check_device(struct check *c, const struct facts *facts)
{
    static const char *const names[] = {"task", "updater", "device"};
    const char *problem = facts_get(facts, "problem");
    struct buffer line = {0};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*facts_get(facts, names[i]))
            buffer_printf(&line, "%s%s %s", line.len ? ", " : "", names[i],
                          facts_get(facts, names[i]));
    if (*problem)
        check_fail(c, "device", EXIT_FAILED, problem);
    else
        check_tell(c, true, "device", buffer_text(&line));
    buffer_free(&line);
}

static void check_subsystem(struct check *c)
{
    struct answer answer;
    struct buffer reason = {0};

    if (check_has(c, "subsystem request failed")) {
        check_fail(c, "subsystem", EXIT_FAILED,
                   "the device does not offer it; check --subsystem and --port");
        return;
    }
    bool answered = answer_parse(&answer, buffer_text(&c->out)) && !answer.status;
    if (answered || c->timed_out)
        check_tell(c, true, "subsystem", c->o->subsystem);
    if (answered)
        check_device(c, &answer.facts);
    else if (c->timed_out)
        check_tell(c, true, "device",
                   "not known: this server speaks only the nerves_firmware_ssh protocol");
    else
        check_fail(c, "subsystem",
                   WIFEXITED(c->wait_status) && WEXITSTATUS(c->wait_status) == EXIT_REFUSED
                       ? EXIT_REFUSED
                       : EXIT_FAILED,
                   answer_find_reason(buffer_text(&c->out), buffer_text(&c->err), &reason)
                       ? buffer_text(&reason)
                       : "the device closed the channel without saying why");
    buffer_free(&reason);
    answer_free(&answer);
}

static int check_host(const struct push_options *o, const char *host)
{
    struct check c = {.o = o};
    struct error err;

    if (ssh_target_resolve(&c.target, o, host, &err)) {
        check_fail(&c, "ssh", err.status, err.text);
        return c.status;
    }
    if (check_run_ssh(&c, &err))
        check_fail(&c, "ssh", err.status, err.text);
    else if (check_reach(&c) && check_host_key(&c) && check_login(&c))
        check_subsystem(&c);
    buffer_free(&c.out);
    buffer_free(&c.err);
    ssh_target_free(&c.target);
    return c.status;
}

int check_run(const struct push_options *o)
{
    int status = EXIT_DONE;

    for (size_t i = 0; i < o->host_count; i++) {
        if (o->host_count > 1 && !o->json)
            printf("%s:\n", o->hosts[i]);
        int one = check_host(o, o->hosts[i]);
        if (one)
            status = o->host_count > 1 ? EXIT_SOME_FAILED : one;
    }
    return status;
}
