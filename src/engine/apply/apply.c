/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/apply/apply.h"

#include "engine/apply/call_list.h"
#include "engine/apply/plan.h"
#include "engine/apply/requirement.h"
#include "engine/apply/resource_stream.h"
#include "engine/apply/staged.h"
#include "engine/archive/firmware.h"

#include <string.h>

static int apply_handler(const struct plan_handler *handler, struct op_context *context,
                         struct error *err)
{
    for (size_t i = 0; i < handler->count; i++) {
        const struct op *op = &handler->ops[i];
        if (context->resource)
            context->resource->reader = op->type->name;
        if (op->type->run(op, context, err))
            return -1;
    }
    return 0;
}

static int apply_entry(struct plan_handler *handler, struct firmware *fw,
                       const struct zip_entry *entry, struct op_context *context, struct error *err)
{
    struct resource_stream stream;
    int rc = resource_stream_open(&stream, fw, entry, handler->section, context, err);

    context->resource = &stream;
    if (!rc)
        rc = apply_handler(handler, context, err);
    context->resource = NULL;
    resource_stream_close(&stream);
    handler->seen = true;
    return rc;
}

static int apply_resources(struct plan *plan, struct firmware *fw, struct op_context *context,
                           struct error *err)
{
    struct zip_entry entry;
    size_t missing = plan->resource_count;

    while (missing) {
        int found = firmware_next(fw, &entry, err);
        if (found < 0)
            return -1;
        if (!found)
            break;
        struct plan_handler *handler = plan_find(plan, entry.name);
        if (!handler)
            continue;
        missing -= !handler->seen;
        if (apply_entry(handler, fw, &entry, context, err))
            return -1;
    }
    for (size_t i = 0; i < plan->resource_count; i++)
        if (!plan->resources[i].seen)
            return error_set(err, EXIT_MISMATCH, "Resource %s not found in archive",
                             plan->resources[i].resource);
    return 0;
}

/*
 * Reads the central directory and entries that the task does not use: until they have arrived, the
 * sender may still disappear. A sender that never ends its input has ended the archive; whoever
 * runs us hears of that, and then ends the input.
 */
static int apply_read_rest(const struct apply_request *request, struct firmware *fw,
                           struct error *err)
{
    char rest[4096];
    ssize_t n;

    if (request->end_of_archive) {
        if (zip_reader_finish(fw->zip, err))
            return -1;
        if (request->tell_complete)
            request->tell_complete();
    }
    if (!request->whole_input)
        return 0;
    while ((n = request->archive.read(request->archive.data, rest, sizeof rest, err)) > 0)
        ;
    return (int)n;
}

static int apply_switch(const struct apply_request *request, struct op_context *context,
                        struct error *err)
{
    if (request->tell_switching)
        request->tell_switching(true);
    if (!block_cache_finish(context->cache, err))
        return 0;
    if (request->tell_switching && !block_cache_is_unsure(context->cache))
        request->tell_switching(false);
    return -1;
}

/* This order makes an interrupted update harmless: what on-init wrote is safe before the first
 * resource, the resources are before on-finish starts, and the boot switch comes last of all. */
static int apply_slot(struct plan *plan, struct firmware *fw, const struct apply_request *request,
                      struct op_context *context, struct error *err)
{
    if (apply_handler(&plan->on_init, context, err) || block_cache_sync(context->cache, err))
        return -1;
    if (apply_resources(plan, fw, context, err) || block_cache_sync(context->cache, err))
        return -1;
    return apply_read_rest(request, fw, err);
}

/* Only now is all of it on the medium, and its list complete. */
static int apply_stage(const struct plan *plan, struct firmware *fw,
                       const struct apply_request *request, struct op_context *context,
                       struct error *err)
{
    struct staged_new staged = {
        .fw = fw, .task = plan->title, .cache = context->cache, .written = context->written};

    return staged_save(request->stage_path, &staged, err);
}

static int apply_finish(const struct plan *plan, const struct apply_request *request,
                        struct op_context *context, struct error *err)
{
    struct error ignored;

    if (request->before_switch && request->before_switch(request->before_switch_data, true, err))
        return -1;
    if (!apply_handler(&plan->on_finish, context, err) && !apply_switch(request, context, err))
        return 0;
    if (request->before_switch && !block_cache_is_unsure(context->cache))
        (void)request->before_switch(request->before_switch_data, false, &ignored);
    return -1;
}

static int apply_plan(struct plan *plan, struct firmware *fw, const struct apply_request *request,
                      struct op_context *context, struct error *err)
{
    if (request->staged ? staged_check(request->staged, context->cache, err)
                        : apply_slot(plan, fw, request, context, err))
        return -1;
    if (request->stage_path)
        return apply_stage(plan, fw, request, context, err);
    if (apply_finish(plan, request, context, err))
        return -1;
    if (*block_cache_warning(context->cache))
        report_info(context->report, "done, but the redundant copy could not be written: %s",
                    block_cache_warning(context->cache));
    return 0;
}

/*
 * Unwritten data is dropped. If on-error fails, too, its error replaces the first one, as in fwup.
 */
static void apply_on_error(const struct plan *plan, const struct block_cache_options *options,
                           struct medium *medium, struct op_context *context, struct error *err)
{
    struct error second;

    block_cache_free(context->cache);
    context->cache = block_cache_new(medium, options);
    if (apply_handler(&plan->on_error, context, &second)) {
        block_cache_drop(context->cache);
        *err = second;
    } else if (plan->on_error.count && block_cache_sync(context->cache, &second)) {
        *err = second;
    }
}

/* A tryboot system would come back with the old firmware, without a word. */
static int apply_check_reboot_param(const struct apply_request *request, const struct plan *plan,
                                    struct error *err)
{
    if (!request->no_reboot_param || !plan_has(plan, &op_reboot_param))
        return 0;
    return error_set(err, EXIT_REFUSED,
                     "the task sets a parameter for the reboot (reboot_param), but this device's "
                     "init does not pass it on to the kernel; nothing was written. Set "
                     "reboot-command = \"kernel\" in fwsshd.conf");
}

/* *begun: operations have run, so that the medium may have changed. */
static int apply_task(const struct apply_request *request, struct firmware *fw,
                      struct report *report, bool *begun, struct error *err)
{
    struct extent_list written = {0};
    struct block_cache_options options = {
        .verify = request->verify,
        .minimize = request->minimize,
        .written = request->stage_path ? &written : NULL,
    };
    struct op_context context = {
        .cache = block_cache_new(request->medium, &options),
        .report = report,
        .medium_blocks = request->medium->size / BLOCK_SIZE,
        .reboot_param_path = request->reboot_param_path,
        .written = &written,
    };
    struct plan plan = {0};
    int rc = -1;

    struct requirement_context requirements = {.cfg = fw->cfg,
                                               .cache = context.cache,
                                               .report = report,
                                               .unsafe = request->unsafe,
                                               .exact = request->staged != NULL};
    cfg_t *task = requirement_choose_task(&requirements, request->task, err);
    if (!task || plan_make(&plan, fw->cfg, task, request->unsafe, err) ||
        plan_check(&plan, request->medium, err) ||
        plan_check_overlaps(&plan, request->medium, err) ||
        apply_check_reboot_param(request, &plan, err) ||
        plan_check_mounts(&plan, request->medium, &disk_map_system,
                          cfg_getbool(task, "require-unmounted-destination"), err))
        goto cleanup;
    report->total = plan.units;
    *begun = true;
    rc = apply_plan(&plan, fw, request, &context, err);
    if (rc)
        apply_on_error(&plan, &options, request->medium, &context, err);
cleanup:
    plan_free(&plan);
    block_cache_free(context.cache);
    extent_list_free(&written);
    return rc;
}

/* Whether a list of calls does more than print. */
static bool apply_section_changes(cfg_t *section)
{
    struct call call;
    unsigned at = 0;
    struct error ignored;
    int more;

    while ((more = call_list_next(section, "funlist", &at, &call, &ignored)) > 0)
        if (op_find(call.name) != &op_info && op_find(call.name) != &op_error)
            return true;
    return more < 0;
}

/* A task that only reports, such as an ops.fw's status, is applied beside an update. */
static bool apply_changes(const struct apply_request *request, cfg_t *cfg)
{
    for (unsigned i = 0; i < cfg_size(cfg, "task"); i++) {
        cfg_t *task = cfg_getnsec(cfg, "task", i);
        if (strncmp(cfg_title(task), request->task, strlen(request->task)))
            continue;
        if (cfg_size(task, "on-resource") || apply_section_changes(cfg_getsec(task, "on-init")) ||
            apply_section_changes(cfg_getsec(task, "on-finish")) ||
            apply_section_changes(cfg_getsec(task, "on-error")))
            return true;
    }
    return false;
}

static int apply_lock(const struct apply_request *request, cfg_t *cfg, struct error *err)
{
    return request->lock && apply_changes(request, cfg) ? request->lock(request->lock_data, err)
                                                        : 0;
}

/* What cannot be compared does not count as new enough. */
static int apply_check_version(const char *minimum, const char *version, struct error *err)
{
    int order;

    if (version_compare(version, minimum, &order))
        return error_set(err, EXIT_MISMATCH,
                         "firmware version %s cannot be compared with %s, and this device requires "
                         "%s or newer; nothing was written",
                         *version ? version : "(none)", minimum, minimum);
    return order >= 0
               ? 0
               : error_set(err, EXIT_MISMATCH,
                           "firmware version %s is not %s or newer, as this device requires; "
                           "nothing was written",
                           version, minimum);
}

static int apply_check_versions(const struct apply_request *request, const char *version,
                                struct error *err)
{
    for (int i = 0; i < APPLY_MINIMA; i++)
        if (request->minimum_version[i] &&
            apply_check_version(request->minimum_version[i], version, err))
            return -1;
    if (!request->need_version || version_is_valid(version))
        return 0;
    return error_set(err, EXIT_MISMATCH,
                     "firmware version %s cannot be compared with later ones, which this device "
                     "requires (refuse-older); nothing was written",
                     *version ? version : "(none)");
}

static void apply_identify(const struct firmware *fw, const char *version,
                           struct meta_identity *identity)
{
    memcpy(identity->uuid, fw->uuid, META_UUID_SIZE);
    if (version_is_valid(version))
        snprintf(identity->version, sizeof identity->version, "%s", version);
}

static int apply_archive(const struct apply_request *request, struct report *report,
                         struct meta_identity *identity, bool *begun, struct error *err)
{
    struct firmware fw;

    if (firmware_open(&fw, request->archive, request->keys, err))
        return -1;
    const char *version = cfg_getstr(fw.cfg, "meta-version");
    version = version ? version : "";
    apply_identify(&fw, version, identity);
    int rc = apply_check_versions(request, version, err);
    if (!rc)
        rc = apply_lock(request, fw.cfg, err);
    if (!rc)
        rc = apply_task(request, &fw, report, begun, err);
    firmware_close(&fw);
    return rc;
}

int apply_run(const struct apply_request *request, struct report *report,
              struct meta_identity *identity, struct error *err)
{
    bool begun = false;
    int rc = apply_archive(request, report, identity, &begun, err);

    if (rc && !begun && request->tell_untouched)
        request->tell_untouched();
    return rc;
}
