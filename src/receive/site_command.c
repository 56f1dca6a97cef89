#include "receive/site_command.h"

#include "base/memory.h"
#include "base/spawn.h"

#include <stdlib.h>
#include <string.h>

size_t site_command_split(char *text, char *argv[SITE_COMMAND_WORDS_MAX + 1])
{
    size_t count = 0;

    for (char *word; (word = strsep(&text, " \t")) && count < SITE_COMMAND_WORDS_MAX;)
        if (*word)
            argv[count++] = word;
    argv[count] = NULL;
    return count;
}

pid_t site_command_start(const char *command, int output, int errors, char *const *env,
                         struct error *err)
{
    char *copy = memory_text(command), *argv[SITE_COMMAND_WORDS_MAX + 1];

    site_command_split(copy, argv);
    struct spawn s = {.program = argv[0] ? argv[0] : "",
                      .argv = argv,
                      .fds = {-1, output, errors},
                      .fd_count = 3,
                      .extra_env = env,
                      .new_group = true};
    pid_t pid = spawn_start(&s, err);
    free(copy);
    return pid;
}
