/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GSSAPI without any mechanism. Debian's libssh.a is built with GSSAPI, but Debian has no static
 * krb5.
 *
 * libssh's server calls it before anybody has logged in, whatever methods are allowed: a client
 * only has to try gssapi-with-mic. So the calls on that path (libssh's
 * ssh_gssapi_handle_userauth()) succeed with empty sets, and libssh refuses the method; if
 * gss_indicate_mechs() failed, libssh would not answer at all. The other calls need a mechanism
 * first, so they are never reached.
 *
 * Debian's libssh-dev does not pull in gssapi.h: the few types are repeated here from RFC 2744.
 */
#include <stddef.h>
#include <stdint.h>

#define GSS_S_COMPLETE 0u
#define GSS_S_UNAVAILABLE (16u << 16)

struct gss_oid_set {
    size_t count;
    void *elements;
};

void *GSS_C_NT_HOSTBASED_SERVICE, *GSS_C_NT_USER_NAME;

static struct gss_oid_set no_mechanisms;

uint32_t gss_indicate_mechs(uint32_t *minor, struct gss_oid_set **set);
uint32_t gss_create_empty_oid_set(uint32_t *minor, struct gss_oid_set **set);
uint32_t gss_release_oid_set(uint32_t *minor, struct gss_oid_set **set);
uint32_t gss_test_oid_set_member(uint32_t *minor, const void *oid, const struct gss_oid_set *set,
                                 int *present);

uint32_t gss_indicate_mechs(uint32_t *minor, struct gss_oid_set **set)
{
    *minor = 0;
    *set = &no_mechanisms;
    return GSS_S_COMPLETE;
}

uint32_t gss_create_empty_oid_set(uint32_t *minor, struct gss_oid_set **set)
{
    return gss_indicate_mechs(minor, set);
}

uint32_t gss_release_oid_set(uint32_t *minor, struct gss_oid_set **set)
{
    *minor = 0;
    *set = NULL;
    return GSS_S_COMPLETE;
}

uint32_t gss_test_oid_set_member(uint32_t *minor, const void *oid, const struct gss_oid_set *set,
                                 int *present)
{
    (void)oid;
    (void)set;
    *minor = 0;
    *present = 0;
    return GSS_S_COMPLETE;
}

/* The minor status is the first argument of all calls; the others do not matter here. */
#define UNAVAILABLE(name)                                                                          \
    uint32_t name(uint32_t *minor);                                                                \
    uint32_t name(uint32_t *minor)                                                                 \
    {                                                                                              \
        *minor = 0;                                                                                \
        return GSS_S_UNAVAILABLE;                                                                  \
    }

UNAVAILABLE(gss_accept_sec_context)
UNAVAILABLE(gss_acquire_cred)
UNAVAILABLE(gss_add_oid_set_member)
UNAVAILABLE(gss_display_name)
UNAVAILABLE(gss_display_status)
UNAVAILABLE(gss_get_mic)
UNAVAILABLE(gss_import_name)
UNAVAILABLE(gss_init_sec_context)
UNAVAILABLE(gss_inquire_cred)
UNAVAILABLE(gss_inquire_cred_by_mech)
UNAVAILABLE(gss_release_buffer)
UNAVAILABLE(gss_release_cred)
UNAVAILABLE(gss_release_name)
UNAVAILABLE(gss_verify_mic)
