/* SPDX-License-Identifier: Apache-2.0 */
#include "host/command/completion.h"

#include "host/command/host_options.h"

#include <stdio.h>
#include <string.h>

/* What an option's value is, by the word that stands for it in the help. */
enum completion_value { VALUE_NONE, VALUE_TEXT, VALUE_FILE, VALUE_DIRECTORY, VALUE_MODE };

static enum completion_value completion_value(const struct host_option *o)
{
    static const char *const words[] = {
        [VALUE_FILE] = "FILE", [VALUE_DIRECTORY] = "DIR", [VALUE_MODE] = "MODE"};

    if (!o->argument || *o->argument == '[')
        return VALUE_NONE;
    for (size_t i = VALUE_FILE; i <= VALUE_MODE; i++)
        if (!strcmp(o->argument, words[i]))
            return (enum completion_value)i;
    return VALUE_TEXT;
}

/* Whether an option before this one has the same name, for other commands. */
static bool completion_is_second(size_t number, const char *name)
{
    struct host_option o;

    for (size_t i = 0; i < number && host_option_get(i, &o); i++)
        if (!strcmp(o.name, name))
            return true;
    return false;
}

/* The case of those options that have a value of this kind. */
static void completion_bash_case(enum completion_value value, const char *action)
{
    struct host_option o;
    bool any = false;

    for (size_t i = 0; host_option_get(i, &o); i++) {
        if (completion_value(&o) != value || completion_is_second(i, o.name))
            continue;
        printf("%s--%s", any ? " | " : "    ", o.name);
        any = true;
    }
    if (any)
        printf(") %s ;;\n", action);
}

static void completion_bash_words(const struct completion_command *c)
{
    struct host_option o;

    printf("    %s) words=\"", c->word);
    for (size_t i = 0; host_option_get(i, &o); i++)
        if (o.commands & c->set)
            printf("--%s ", o.name);
    puts("\" ;;");
}

static void completion_bash(const struct completion_command *command, size_t count)
{
    puts("# bash completion for fwssh\n"
         "_fwssh() {\n"
         "    local words='' current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - "
         "1]}\n"
         "    COMPREPLY=()\n"
         "    if ((COMP_CWORD == 1)); then");
    fputs("        mapfile -t COMPREPLY < <(compgen -W \"help --version", stdout);
    for (size_t i = 0; i < count; i++)
        printf(" %s", command[i].word);
    puts("\" -- \"$current\")\n"
         "        return\n"
         "    fi\n"
         "    case $previous in");
    completion_bash_case(VALUE_FILE,
                         "mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return");
    completion_bash_case(VALUE_DIRECTORY,
                         "mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); return");
    completion_bash_case(
        VALUE_MODE, "mapfile -t COMPREPLY < <(compgen -W 'auto never always' -- \"$current\"); "
                    "return");
    completion_bash_case(VALUE_TEXT, "return");
    puts("    esac\n"
         "    case ${COMP_WORDS[1]} in");
    for (size_t i = 0; i < count; i++)
        completion_bash_words(&command[i]);
    puts("    esac\n"
         "    if [[ $current == -* ]]; then\n"
         "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "    elif declare -F _known_hosts_real >/dev/null; then\n"
         "        _known_hosts_real -- \"$current\"\n"
         "    fi\n"
         "}\n"
         "complete -o filenames -F _fwssh fwssh");
}

/* A text inside '--name[TEXT]': brackets and colons are zsh's own. */
static void completion_zsh_help(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (strchr("[]:\\", *p))
            putchar('\\');
        if (*p == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*p);
    }
}

static void completion_zsh_option(const struct host_option *o)
{
    static const char *const values[] = {[VALUE_NONE] = "",
                                         [VALUE_TEXT] = ":value: ",
                                         [VALUE_FILE] = ":file:_files",
                                         [VALUE_DIRECTORY] = ":directory:_files -/",
                                         [VALUE_MODE] = ":mode:(auto never always)"};
    enum completion_value value = completion_value(o);

    printf("            '*--%s%s[", o->name, value == VALUE_NONE ? "" : "=");
    completion_zsh_help(o->help);
    printf("]%s' \\\n", values[value]);
}

static void completion_zsh(const struct completion_command *command, size_t count)
{
    struct host_option o;

    puts("#compdef fwssh\n"
         "_fwssh() {\n"
         "    local -a commands\n"
         "    commands=(");
    for (size_t i = 0; i < count; i++) {
        printf("        '%s:", command[i].word);
        completion_zsh_help(command[i].help);
        puts("'");
    }
    puts("    )\n"
         "    if ((CURRENT == 2)); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    case $words[2] in");
    for (size_t i = 0; i < count; i++) {
        printf("    %s)\n        shift words\n        ((CURRENT--))\n        _arguments \\\n",
               command[i].word);
        for (size_t k = 0; host_option_get(k, &o); k++)
            if (o.commands & command[i].set)
                completion_zsh_option(&o);
        puts("            '*:host:_hosts'\n        ;;");
    }
    puts("    esac\n"
         "}\n"
         "if [[ $funcstack[1] == _fwssh ]]; then _fwssh \"$@\"; else compdef _fwssh fwssh; fi");
}

/* A text in fish's single quotes. */
static void completion_fish_help(const char *text)
{
    putchar('\'');
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            fputs("\\'", stdout);
        else
            putchar(*p);
    putchar('\'');
}

static void completion_fish_option(const struct completion_command *c, const struct host_option *o)
{
    static const char *const values[] = {[VALUE_NONE] = "",
                                         [VALUE_TEXT] = " -x",
                                         [VALUE_FILE] = " -r -F",
                                         [VALUE_DIRECTORY] =
                                             " -x -a '(__fish_complete_directories)'",
                                         [VALUE_MODE] = " -x -a 'auto never always'"};

    printf("complete -c fwssh -n '__fish_seen_subcommand_from %s' -l %s%s -d ", c->word, o->name,
           values[completion_value(o)]);
    completion_fish_help(o->help);
    putchar('\n');
}

static void completion_fish(const struct completion_command *command, size_t count)
{
    struct host_option o;

    puts("complete -c fwssh -f\n"
         "complete -c fwssh -n 'not __fish_use_subcommand' -a '(__fish_print_hostnames)'");
    for (size_t i = 0; i < count; i++) {
        printf("complete -c fwssh -n __fish_use_subcommand -a %s -d ", command[i].word);
        completion_fish_help(command[i].help);
        putchar('\n');
        for (size_t k = 0; host_option_get(k, &o); k++)
            if (o.commands & command[i].set)
                completion_fish_option(&command[i], &o);
    }
}

int completion_run(const char *shell, const struct completion_command *command, size_t count)
{
    static const struct {
        const char *name;
        void (*print)(const struct completion_command *command, size_t count);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};

    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (!shell || strcmp(shell, shells[i].name) != 0)
            continue;
        shells[i].print(command, count);
        return EXIT_DONE;
    }
    fprintf(stderr, "fwssh: completion needs the name of a shell: bash, zsh or fish\n");
    return EXIT_USAGE;
}
