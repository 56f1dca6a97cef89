/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No name lookups, no users, no plug-ins. In a static program these glibc functions load shared
 * libraries of exactly the glibc that was linked (NSS), which a device need not have. fwssh calls
 * none of them; they are called in functions of libssh, libcrypto and libconfuse that it does not
 * use: connecting as a client, home directories, "~" in paths, Include in ssh_config, engines.
 */
#include <glob.h>
#include <netdb.h>
#include <pwd.h>
#include <stddef.h>

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    (void)node;
    (void)service;
    (void)hints;
    *result = NULL;
    return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *list)
{
    (void)list;
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t size, char *restrict host,
                socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
    (void)address;
    (void)size;
    (void)host;
    (void)host_size;
    (void)service;
    (void)service_size;
    (void)flags;
    return EAI_FAIL;
}

struct hostent *gethostbyname(const char *name)
{
    (void)name;
    return NULL;
}

struct passwd *getpwnam(const char *name)
{
    (void)name;
    return NULL;
}

struct passwd *getpwuid(uid_t uid)
{
    (void)uid;
    return NULL;
}

int getpwuid_r(uid_t uid, struct passwd *restrict entry, char *restrict text, size_t size,
               struct passwd **restrict result)
{
    (void)uid;
    (void)entry;
    (void)text;
    (void)size;
    *result = NULL;
    return 0;
}

/* glibc's glob() looks up users for "~". */
int glob(const char *restrict pattern, int flags, int (*failed)(const char *path, int code),
         glob_t *restrict found)
{
    (void)pattern;
    (void)flags;
    (void)failed;
    *found = (glob_t){0};
    return GLOB_NOMATCH;
}

void globfree(glob_t *found)
{
    (void)found;
}

/*
 * Called through --wrap=dlopen, because glibc itself links its dlopen() into every static program.
 */
void *__wrap_dlopen(const char *path, int flags);
void *__wrap_dlopen(const char *path, int flags)
{
    (void)path;
    (void)flags;
    return NULL;
}
