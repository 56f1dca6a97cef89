/* SPDX-License-Identifier: Apache-2.0 */
#include "host/remote/ssh_command.h"

#include "base/clean.h"
#include "base/memory.h"
#include "base/run.h"
#include "host/remote/host_name.h"
#include "host/remote/ssh_jump.h"
#include "wire/subsystem.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define SSH_CONFIG_MAX (1u << 20)
#define SSH_PORT 22
/* One that no host has. */
#define SSH_OTHER_PORT "1"
/* A dead link is noticed after a minute. */
#define SSH_CONNECT_TIMEOUT "ConnectTimeout=15"
#define SSH_SHORT_TIMEOUT "ConnectTimeout=5"
#define SSH_ALIVE_INTERVAL "ServerAliveInterval=15"
#define SSH_ALIVE_COUNT "ServerAliveCountMax=4"

static void ssh_add_option(struct argv *a, const char *text)
{
    argv_add_pair(a, "-o", text);
}

/* Whether the shell may become ssh instead of starting it: then a signal to the one reaches the
 * other. Anything but ssh and its arguments may be more than one program. */
static bool ssh_is_one_program(const char *command)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                " '\"_-./=:,@%+~";

    return (*command == '/' || !strncmp(command, "ssh ", 4) || !strcmp(command, "ssh")) &&
           !command[strspn(command, plain)];
}

/* A command with arguments goes through the shell, like git's core.sshCommand. */
static void ssh_add_program(struct argv *a, const struct reach *r)
{
    if (!r->ssh || !*r->ssh) {
        argv_add(a, "ssh");
        return;
    }
    argv_add(a, "/bin/sh");
    argv_add(a, "-c");
    argv_printf(a, "%s%s \"$@\"", ssh_is_one_program(r->ssh) ? "exec " : "", r->ssh);
    argv_add(a, r->ssh);
}

static int ssh_is_private_key(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return !strncmp(entry->d_name, "id_", 3) &&
           (len < 4 || strcmp(entry->d_name + len - 4, ".pub"));
}

static int ssh_find_keys(struct ssh_target *t, const char *dir, struct error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(dir, &entries, ssh_is_private_key, alphasort);

    if (count < 0) {
        error_errno(err, "cannot read the directory %s (--user-dir)", dir);
        err->status = EXIT_USAGE;
        return -1;
    }
    for (int i = 0; i < count; i++) {
        argv_printf(&t->dir_keys, "%s/%s", dir, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

static void ssh_add_keys(struct argv *a, const struct ssh_target *t)
{
    for (size_t i = 0; i < t->dir_keys.count; i++)
        argv_add_pair(a, "-i", t->dir_keys.word[i]);
    if (t->dir_keys.count)
        ssh_add_option(a, "IdentitiesOnly=yes");
}

static char *ssh_host_argument(const struct reach *r, const char *host)
{
    return r->user ? memory_printf("%s@%s", r->user, host) : memory_text(host);
}

/* Options for both ssh -G and the push itself. The user's come first, because ssh keeps the first
 * value. */
static void ssh_add_common(struct argv *a, const struct reach *r)
{
    for (size_t i = 0; i < r->ssh_option_count; i++)
        ssh_add_option(a, r->ssh_options[i]);
    if (r->batch)
        ssh_add_option(a, "BatchMode=yes");
    ssh_add_option(a, "RemoteCommand=none");
    if (r->host_key_alias) {
        argv_add(a, "-o");
        argv_printf(a, "HostKeyAlias=%s", r->host_key_alias);
    }
}

static void ssh_configured_key(struct ssh_target *t, const char *path)
{
    const char *home = getenv("HOME");

    if (!strncmp(path, "~/", 2) && home)
        argv_printf(&t->keys, "%s%s", home, path + 1);
    else
        argv_add(&t->keys, path);
}

/*
 * What a person has in ~/.ssh/config for a login would break a push, or a program's conversation.
 * Only what ssh -G shows is undone: old versions do not know all of these.
 */
static const struct {
    const char *key; /* in the output of ssh -G */
    const char *good;
    const char *undo;
} ssh_undone[] = {
    {"permitlocalcommand", "no", "PermitLocalCommand=no"},
    {"stdinnull", "no", "StdinNull=no"},
    {"forkafterauthentication", "no", "ForkAfterAuthentication=no"},
    {"tunnel", "false", "Tunnel=no"},
    {"forwardagent", "no", "ForwardAgent=no"},
    {"forwardx11", "no", "ForwardX11=no"},
    {"localforward", "", "ClearAllForwardings=yes"},
    {"remoteforward", "", "ClearAllForwardings=yes"},
    {"dynamicforward", "", "ClearAllForwardings=yes"},
    /* Our table needs ssh's errors, but none of its debugging. */
    {"loglevel", "INFO", "LogLevel=INFO"},
};

static void ssh_undo(struct ssh_target *t, const char *key, const char *value)
{
    for (size_t i = 0; i < sizeof ssh_undone / sizeof *ssh_undone; i++) {
        if (!strcmp(key, ssh_undone[i].key) && strcmp(value, ssh_undone[i].good) != 0)
            argv_add_pair(&t->undo, "-o", ssh_undone[i].undo);
    }
}

static void ssh_target_line(struct ssh_target *t, char *line)
{
    char *value = strchr(line, ' ');

    if (!value)
        return;
    *value++ = '\0';
    ssh_undo(t, line, value);
    if (!strcmp(line, "hostname") && !t->hostname)
        t->hostname = memory_text(value);
    else if (!strcmp(line, "user") && !t->user)
        t->user = memory_text(value);
    else if (!strcmp(line, "port"))
        t->port = atoi(value);
    else if (!strcmp(line, "hostkeyalias") && !t->known_as && strcmp(value, "none"))
        t->known_as = memory_text(value);
    else if (!strcmp(line, "userknownhostsfile") && !t->known_hosts)
        t->known_hosts = memory_printf("%.*s", (int)strcspn(value, " "), value);
    else if (!strcmp(line, "identityfile"))
        ssh_configured_key(t, value);
    else if (!strcmp(line, "controlpath") && strcmp(value, "none") && !t->control_path)
        t->control_path = memory_text(value);
    else if (!strcmp(line, "loglevel") && !t->log_level)
        t->log_level = memory_text(value);
    else if (!strcmp(line, "proxyjump") && strcmp(value, "none") && !t->jump)
        t->jump = memory_text(value);
    else if (!strcmp(line, "stricthostkeychecking"))
        t->ignores_host_key =
            !strcmp(value, "false") || !strcmp(value, "no") || !strcmp(value, "off");
    else if (!strcmp(line, "pubkeyauthentication"))
        t->refuses_keys = !strcmp(value, "false") || !strcmp(value, "no");
    else if (!strcmp(line, "sessiontype"))
        t->has_session_type = strcmp(value, "default") != 0;
    else if (!strcmp(line, "connecttimeout"))
        t->has_connect_timeout = strcmp(value, "none") != 0;
    else if (!strcmp(line, "serveraliveinterval"))
        t->has_alive_interval = strcmp(value, "0") != 0;
}

/* One line of what ssh -G has complained about. */
static const char *ssh_config_complaint(struct buffer *text)
{
    if (!text->len)
        return "it gives no reason";
    while (text->len && strchr("\r\n", text->data[text->len - 1]))
        text->data[--text->len] = '\0';
    for (char *p = text->data; *p; p++)
        if (*p == '\n')
            *p = ' ';
    clean_line(text->data);
    return text->data;
}

/* other_port: as if another port had been given. */
static int ssh_ask_config(const struct ssh_target *t, const struct reach *r, bool other_port,
                          struct buffer *text, struct error *err)
{
    struct run_result result;
    struct argv a = {0};

    ssh_add_program(&a, r);
    ssh_add_common(&a, r);
    ssh_add_keys(&a, t);
    if (other_port)
        argv_add_pair(&a, "-p", SSH_OTHER_PORT);
    argv_add(&a, "-GT");
    argv_add(&a, "--");
    argv_add(&a, t->given);
    /* Without a command, ssh refuses ForkAfterAuthentication. */
    argv_add(&a, SUBSYSTEM_NERVES);
    /* No time limit: a Match exec in the configuration may take long, or ask something. */
    struct run run = {
        .argv = a.word, .output = RUN_KEEP, .errors = RUN_KEEP, .keep = SSH_CONFIG_MAX};
    int rc = run_program(&run, &result, err);
    if (rc)
        error_prefix(err, "the OpenSSH client is needed on this machine");
    else if (!run_succeeded(&result))
        rc = error_set(err, EXIT_USAGE, "ssh does not accept the host or the options: %s",
                       ssh_config_complaint(&result.text));
    else if (result.truncated)
        rc = error_set(err, EXIT_FAILED, "the output of ssh -G is longer than %u bytes",
                       SSH_CONFIG_MAX);
    else
        buffer_add(text, result.text.data, result.text.len);
    run_free(&result);
    argv_free(&a);
    return rc;
}

static void ssh_target_read(struct ssh_target *t, struct buffer *text)
{
    char *rest = text->data;

    for (char *line; (line = strsep(&rest, "\n"));)
        ssh_target_line(t, line);
}

/* A ControlPath without the port (%p, %C) leads to whatever server was asked first: ssh -G shows
 * the path as it is for a port. */
static void ssh_look_at_control_path(struct ssh_target *t, const struct reach *r)
{
    struct ssh_target other = {.given = t->given};
    struct buffer text = {0};
    struct error ignored;

    if (!t->control_path)
        return;
    if (!ssh_ask_config(t, r, true, &text, &ignored))
        ssh_target_read(&other, &text);
    t->shares_ports = !other.control_path || !strcmp(other.control_path, t->control_path);
    buffer_free(&text);
    other.given = NULL;
    ssh_target_free(&other);
}

/* Whether the ssh that goes to a jump host says too much, or nothing of what goes wrong. Of our
 * options, it gets the program only. */
static bool ssh_jump_is_unclear(const char *name, void *data)
{
    const struct reach plain = {.ssh = ((const struct reach *)data)->ssh};
    struct ssh_target hop = {.given = memory_text(name)};
    struct buffer text = {0};
    struct error ignored;

    if (!ssh_ask_config(&hop, &plain, false, &text, &ignored))
        ssh_target_read(&hop, &text);
    bool clear = !hop.log_level || !strcmp(hop.log_level, "INFO");
    buffer_free(&text);
    ssh_target_free(&hop);
    return !clear;
}

static void ssh_look_at_jump(struct ssh_target *t, const struct reach *r)
{
    if (t->jump && ssh_jump_any(t->jump, ssh_jump_is_unclear, (void *)r))
        t->jump_command = ssh_jump_command(r->ssh && *r->ssh ? r->ssh : "ssh", t->jump);
}

int ssh_target_resolve(struct ssh_target *t, const struct reach *r, const char *host,
                       const char *subsystem, struct error *err)
{
    struct buffer text = {0};
    char *name;
    int port;

    *t = (struct ssh_target){0};
    if (host_name_split(host, &name, &port, err)) {
        free(name);
        return -1;
    }
    t->name = name;
    t->given = ssh_host_argument(r, name);
    t->has_passphrase = r->passphrase != NULL;
    if ((r->user_dir && ssh_find_keys(t, r->user_dir, err)) ||
        ssh_ask_config(t, r, false, &text, err)) {
        buffer_free(&text);
        ssh_target_free(t);
        return -1;
    }
    ssh_target_read(t, &text);
    ssh_look_at_control_path(t, r);
    ssh_look_at_jump(t, r);
    buffer_free(&text);
    if (port || r->port)
        t->port = port ? port : r->port;
    else if (t->port == 22 || !t->port)
        t->port =
            r->agentless || !strcmp(subsystem, SUBSYSTEM_FWUP) ? SSH_PORT : REACH_DEFAULT_PORT;
    if (!t->hostname)
        t->hostname = memory_text(name);
    if (!t->known_as)
        t->known_as = t->port == SSH_PORT ? memory_text(t->hostname)
                                          : memory_printf("[%s]:%d", t->hostname, t->port);
    return 0;
}

bool ssh_target_checks_host_key(const struct ssh_target *t)
{
    return !t->ignores_host_key && t->known_hosts && strcmp(t->known_hosts, "/dev/null") != 0;
}

void ssh_target_free(struct ssh_target *t)
{
    free(t->given);
    free(t->name);
    free(t->hostname);
    free(t->user);
    free(t->known_as);
    free(t->known_hosts);
    free(t->control_path);
    free(t->log_level);
    free(t->jump);
    free(t->jump_command);
    argv_free(&t->undo);
    argv_free(&t->dir_keys);
    argv_free(&t->keys);
    *t = (struct ssh_target){0};
}

void ssh_command_arguments(const struct ssh_call *c, struct argv *a)
{
    const struct reach *r = c->reach;

    ssh_add_program(a, r);
    /* Not -v, which the ssh to a jump host inherits: its lines would pass for the device's. */
    if (c->verbose)
        ssh_add_option(a, "LogLevel=DEBUG1");
    if (c->target->jump_command) {
        argv_add(a, "-o");
        argv_printf(a, "ProxyCommand=%s", c->target->jump_command);
    }
    ssh_add_common(a, r);
    argv_add(a, "-T");
    for (size_t i = 0; i < c->target->undo.count; i++)
        argv_add(a, c->target->undo.word[i]);
    /* A device that has rebooted does not answer on the connection from before. */
    if (c->target->shares_ports || (c->target->control_path && c->impatient))
        ssh_add_option(a, "ControlPath=none");
    ssh_add_keys(a, c->target);
    if (c->impatient)
        ssh_add_option(a, SSH_SHORT_TIMEOUT);
    else if (!c->target->has_connect_timeout)
        ssh_add_option(a, SSH_CONNECT_TIMEOUT);
    if (!c->target->has_alive_interval) {
        ssh_add_option(a, SSH_ALIVE_INTERVAL);
        ssh_add_option(a, SSH_ALIVE_COUNT);
    }
    if (c->banner_only)
        ssh_add_option(a, "PubkeyAuthentication=no");
    /* The nerves_firmware_ssh server asks for passwords, but never accepts one. */
    if (!r->agentless)
        ssh_add_option(a, "PreferredAuthentications=publickey");
    if (!r->agentless && c->target->refuses_keys)
        ssh_add_option(a, "PubkeyAuthentication=yes");
    argv_add(a, "-p");
    argv_printf(a, "%d", c->target->port);
    if (!c->exec)
        argv_add(a, "-s");
    else if (c->target->has_session_type)
        ssh_add_option(a, "SessionType=default");
    argv_add(a, "--");
    argv_add(a, c->target->given);
    argv_add(a, c->subsystem);
}
