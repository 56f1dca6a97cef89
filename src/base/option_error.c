/* SPDX-License-Identifier: Apache-2.0 */
#include "base/option_error.h"

#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

#define OPTION_WORD_MAX 64

/* getopt_long(3) leaves the value of a known option in optopt; that of a letter may be unknown. */
static const char *option_known(const struct option *names)
{
    for (; names->name; names++)
        if (optopt && names->val == optopt)
            return names->name;
    return NULL;
}

/* Where the value of a letter is missing, musl's getopt(3) has counted it, too. */
static const char *option_argument(char *const *argv)
{
    return argv[optind - 1] ? argv[optind - 1] : argv[optind - 2];
}

int option_error(struct error *err, int c, char *const *argv, const struct option *names,
                 const char *help)
{
    const char *argument = option_argument(argv), *known = option_known(names);
    char word[OPTION_WORD_MAX];
    struct nearest near = {.word = word};

    if (c == ':')
        return error_set(err, EXIT_USAGE, "%.60s needs a value", argument);
    if (known && !strncmp(argument, "--", 2))
        return error_set(err, EXIT_USAGE, "--%s takes no value", known);
    snprintf(word, sizeof word, "%s", argument + strspn(argument, "-"));
    word[strcspn(word, "=")] = '\0';
    for (; names->name; names++)
        nearest_try(&near, names->name);
    if (near.best)
        return error_set(err, EXIT_USAGE, "unknown option '%.60s'; did you mean --%s?", argument,
                         near.best);
    return error_set(err, EXIT_USAGE, "unknown option '%.60s'; see %s", argument, help);
}
