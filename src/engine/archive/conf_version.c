/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive/conf.h"

#include <stdlib.h>
#include <string.h>

struct conf_version {
    unsigned long part[3];
    char pre[64]; /* after '-'; "" for a release */
};

/* MAJOR[.MINOR[.PATCH]][-pre][+meta]; empty and extra components are tolerated, as in fwup. */
static bool conf_parse_version(const char *text, struct conf_version *v)
{
    *v = (struct conf_version){0};
    for (int i = 0; *text && *text != '-' && *text != '+'; i++) {
        size_t digits = strspn(text, "0123456789");
        if (i < 3)
            v->part[i] = strtoul(text, NULL, 10);
        text += digits;
        if (*text == '.')
            text++;
        else if (*text && *text != '-' && *text != '+')
            return false;
    }
    if (*text == '-') {
        size_t len = strcspn(text + 1, "+");
        if (len >= sizeof v->pre)
            return false;
        memcpy(v->pre, text + 1, len);
    }
    return true;
}

/* Compares identifiers separated by dots: numbers by value, and before words (semver.org, 11). */
static int conf_compare_pre(const char *a, const char *b)
{
    while (*a || *b) {
        size_t na = strcspn(a, "."), nb = strcspn(b, ".");
        bool da = na && strspn(a, "0123456789") >= na, db = nb && strspn(b, "0123456789") >= nb;
        int order;
        if (!na || !nb)
            return na ? 1 : nb ? -1 : 0;
        if (da && db)
            order = na != nb ? (na < nb ? -1 : 1) : strncmp(a, b, na);
        else if (da != db)
            order = da ? -1 : 1;
        else
            order = strncmp(a, b, na < nb ? na : nb);
        if (!order && na != nb)
            order = na < nb ? -1 : 1;
        if (order)
            return order < 0 ? -1 : 1;
        a += na + (a[na] == '.');
        b += nb + (b[nb] == '.');
    }
    return 0;
}

int conf_compare_versions(const char *a, const char *b, bool *ok)
{
    struct conf_version va, vb;

    *ok = conf_parse_version(a, &va) && conf_parse_version(b, &vb);
    if (!*ok)
        return 0;
    for (int i = 0; i < 3; i++)
        if (va.part[i] != vb.part[i])
            return va.part[i] < vb.part[i] ? -1 : 1;
    if (!*va.pre || !*vb.pre)
        return *va.pre ? -1 : *vb.pre ? 1 : 0;
    return conf_compare_pre(va.pre, vb.pre);
}

int conf_check_version(const char *required, struct error *err)
{
    bool ok;
    int order = conf_compare_versions(required, CONF_FWUP_VERSION_MAX, &ok);

    if (!ok)
        return error_set(err, EXIT_MISMATCH, "require-fwup-version '%s' is not a version",
                         required);
    if (order > 0)
        return error_set(
            err, EXIT_MISMATCH,
            "the firmware requires fwup %s or later, but this program implements fwup %s", required,
            CONF_FWUP_VERSION_MAX);
    return 0;
}
