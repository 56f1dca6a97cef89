/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/pack/pack_run.h"

#include "base/device_lock.h"
#include "base/io.h"
#include "base/memory.h"
#include "base/own_version.h"
#include "engine/apply/apply.h"
#include "engine/apply/plan.h"
#include "engine/apply/staged.h"
#include "engine/archive/conf.h"
#include "engine/archive/create.h"
#include "engine/archive/firmware.h"
#include "engine/archive/frame.h"
#include "engine/archive/verify.h"
#include "engine/delta/vcdiff.h"
#include "engine/medium/medium_file.h"
#include "engine/pack/card.h"
#include "engine/pack/switch_record.h"
#include "wire/updater_result.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The input that the archive is read from; must not move in memory meanwhile. */
struct pack_input {
    int fd;
    struct frame_reader frames;
    struct source source;
};

static int pack_input_open(struct pack_input *in, const struct pack_options *o, struct error *err)
{
    bool is_stdin = !o->input || !strcmp(o->input, "-");

    in->fd = is_stdin ? STDIN_FILENO : open(o->input, O_RDONLY | O_CLOEXEC);
    if (in->fd < 0)
        return error_errno(err, "Cannot open '%s'", o->input);
    in->source = source_from_fd(&in->fd);
    if (is_stdin && o->report.framing)
        in->source = frame_reader_open(&in->frames, in->source);
    return 0;
}

static void pack_input_close(struct pack_input *in)
{
    if (in->fd > STDIN_FILENO)
        close(in->fd);
}

static int pack_need_file(const struct pack_options *o, struct error *err)
{
    if (!o->input || !strcmp(o->input, "-"))
        return error_set(err, pack_usage_status(o), "Specify an input firmware file");
    return 0;
}

/* An archive, or the saved start of a staged one. */
struct pack_archive {
    struct pack_input input;
    struct staged staged;
    struct source_bytes bytes;
};

static int pack_archive_open(struct pack_archive *a, const struct pack_options *o,
                             struct apply_request *request, struct error *err)
{
    *a = (struct pack_archive){.input = {.fd = -1}};
    if (o->command == PACK_ACTIVATE) {
        if (staged_load(&a->staged, o->input, err))
            return -1;
        a->bytes =
            (struct source_bytes){.data = a->staged.archive.data, .left = a->staged.archive.len};
        request->archive = source_from_bytes(&a->bytes);
        request->task = a->staged.task;
        request->staged = &a->staged;
        return 0;
    }
    if (pack_input_open(&a->input, o, err))
        return -1;
    request->archive = a->input.source;
    request->task = o->task;
    /* A caller that reads the result closes our input after the last byte (PROTOCOL.md, "The
     * updater"). */
    request->whole_input = a->input.fd == STDIN_FILENO && updater_result_fd() >= 0;
    return 0;
}

static void pack_archive_close(struct pack_archive *a)
{
    pack_input_close(&a->input);
    staged_free(&a->staged);
}

/* The locks of a device that is written, unless they are a caller's. */
struct pack_locks {
    const char *device;
    int file, disk; /* -1: not ours */
};

static int pack_lock(void *data, struct error *err)
{
    struct pack_locks *locks = data;

    return device_lock_join(locks->device, &locks->file, err) ||
                   device_lock_disk(locks->device, &locks->disk, err)
               ? -1
               : 0;
}

static int pack_apply_to(struct pack_options *o, struct medium *medium, struct pack_locks *locks,
                         struct meta_identity *identity, struct error *err)
{
    struct switch_record record = {
        .pending_path = o->pending_path, .use_up_path = o->use_up, .identity = identity};
    struct apply_request request = {.keys = &o->keys,
                                    .medium = medium,
                                    .verify =
                                        o->verify_writes < 0 ? medium->is_device : o->verify_writes,
                                    .minimize = o->minimize,
                                    .unsafe = o->unsafe,
                                    .need_version = o->pending_path && !o->use_up,
                                    .stage_path = o->stage_path,
                                    .before_switch = switch_record_write,
                                    .before_switch_data = &record,
                                    .tell_switching = updater_result_tell_switching,
                                    .end_of_archive = o->end_of_archive,
                                    .tell_complete = updater_result_tell_complete,
                                    .tell_untouched = updater_result_tell_untouched,
                                    .lock = pack_lock,
                                    .lock_data = locks,
                                    .reboot_param_path = o->reboot_param_path,
                                    .no_reboot_param = o->no_reboot_param};
    struct pack_archive archive;

    memcpy(request.minimum_version, o->minimum_version, sizeof request.minimum_version);
    int rc = pack_archive_open(&archive, o, &request, err);
    if (!rc)
        rc = apply_run(&request, &o->report, identity, err);
    pack_archive_close(&archive);
    switch_record_free(&record);
    return rc;
}

static int pack_apply_on(struct pack_options *o, const char *device, struct meta_identity *identity,
                         struct error *err)
{
    struct medium_options medium_options = {
        .max_blocks = o->max_blocks, .enable_trim = o->enable_trim, .unmount = o->unmount};
    struct pack_locks locks = {.device = device, .file = -1, .disk = -1};
    struct medium *medium = medium_file_open(device, &medium_options, err);

    if (!medium)
        return -1;
    if (o->enable_trim && !medium->is_device)
        report_info(&o->report, "--enable-trim has no effect on an image file");
    int rc = pack_apply_to(o, medium, &locks, identity, err);
    medium_file_close(medium);
    io_close(&locks.disk);
    io_close(&locks.file);
    return rc;
}

static int pack_apply(struct pack_options *o, struct meta_identity *identity, struct error *err)
{
    bool from_stdin = !o->input || !strcmp(o->input, "-");

    if (o->command == PACK_APPLY && !o->task)
        return error_set(err, pack_usage_status(o), "specify a task (-t)");
    if (o->command == PACK_ACTIVATE && from_stdin)
        return error_set(err, pack_usage_status(o), "specify the staged file (-i)");
    char *card = o->device ? NULL : card_choose(o->yes, from_stdin, err);
    const char *device = card ? card : o->device;
    if (!device)
        return -1;
    report_start(&o->report);
    int rc = pack_apply_on(o, device, identity, err);
    free(card);
    if (!rc)
        report_success(&o->report);
    return rc;
}

static int pack_compare_titles(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int pack_list(struct pack_options *o, struct firmware *fw, struct error *err)
{
    unsigned count = cfg_size(fw->cfg, "task");
    const char **titles = memory_new(count, sizeof *titles);
    struct buffer text = {0};

    (void)err;
    for (unsigned i = 0; i < count; i++)
        titles[i] = cfg_title(cfg_getnsec(fw->cfg, "task", i));
    qsort(titles, count, sizeof *titles, pack_compare_titles);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&text, "%s\n", titles[i]);
    report_result(&o->report, buffer_text(&text));
    buffer_free(&text);
    free(titles);
    return 0;
}

static int pack_metadata(struct pack_options *o, struct firmware *fw, struct error *err)
{
    struct buffer text = {0};

    (void)err;
    if (o->metadata_key) {
        cfg_opt_t *opt = cfg_getopt(fw->cfg, o->metadata_key);
        if (opt && opt->type == CFGT_INT)
            buffer_printf(&text, "%ld\n", cfg_opt_getnint(opt, 0));
        else if (opt && opt->type == CFGT_STR && cfg_opt_getstr(opt))
            buffer_printf(&text, "%s\n", cfg_opt_getstr(opt));
        else
            buffer_add_text(&text, "(null)\n");
    } else {
        meta_print(fw->cfg, &text);
    }
    report_result(&o->report, buffer_text(&text));
    buffer_free(&text);
    return 0;
}

static int pack_verify(struct pack_options *o, struct firmware *fw, struct error *err)
{
    if (verify_resources(fw, vcdiff_check, err))
        return -1;
    if (!fw->is_signed)
        report_result(&o->report, "Valid archive without a signature\n");
    else if (o->keys.count)
        report_result(&o->report, "Valid archive with a good signature\n");
    else
        report_result(&o->report,
                      "Valid archive with an unverified signature. Specify a public key to "
                      "authenticate.\n");
    return 0;
}

static int pack_with_firmware(struct pack_options *o, struct meta_identity *identity,
                              int (*run)(struct pack_options *, struct firmware *, struct error *),
                              struct error *err)
{
    struct pack_input in;
    struct firmware fw;
    int rc = -1;

    if (pack_input_open(&in, o, err))
        return -1;
    if (!firmware_open(&fw, in.source, &o->keys, err)) {
        memcpy(identity->uuid, fw.uuid, META_UUID_SIZE);
        rc = run(o, &fw, err);
        firmware_close(&fw);
    }
    pack_input_close(&in);
    return rc;
}

static struct signer pack_signer(const struct pack_options *o)
{
    return (struct signer){
        .private_key = o->has_private_key ? o->private_key : NULL,
        .command = o->sign_command,
        .signature_file = o->attach,
        .check = &o->keys,
    };
}

static int pack_check_signers(const struct pack_options *o, struct error *err)
{
    if (o->has_private_key + !!o->sign_command + !!o->attach > 1)
        return error_set(err, pack_usage_status(o),
                         "give only one of a private key, --sign-command and --attach");
    return 0;
}

static int pack_sign(struct pack_options *o, struct error *err)
{
    struct signer signer = pack_signer(o);

    if (pack_need_file(o, err))
        return -1;
    if (o->digest)
        return create_digest(o->input, o->output, err);
    if (!o->output || !strcmp(o->output, "-"))
        return error_set(err, pack_usage_status(o), "Specify an output firmware file");
    if (!signer_is_set(&signer))
        return error_set(err, pack_usage_status(o), "Specify a private key file (-s)");
    if (pack_check_signers(o, err))
        return -1;
    if (create_signed(o->input, o->output, &signer, err))
        return -1;
    if (!o->has_private_key && !o->keys.count)
        report_info(&o->report,
                    "the signature was not checked: give the public key (-p) to check it");
    if (o->report.framing)
        report_result(&o->report, "");
    return 0;
}

/* A task that cannot be planned here may be meant for another version: that is for the apply. */
static int pack_check_tasks(cfg_t *cfg, struct error *err)
{
    for (unsigned i = 0; i < cfg_size(cfg, "task"); i++) {
        cfg_t *task = cfg_getnsec(cfg, "task", i);
        struct plan plan;
        struct error ignored;
        if (plan_make(&plan, cfg, task, true, &ignored))
            continue;
        int rc = plan_check_overlaps(&plan, NULL, err);
        plan_free(&plan);
        if (rc)
            return error_prefix(err, "task %s", cfg_title(task));
    }
    return 0;
}

static int pack_create(struct pack_options *o, struct error *err)
{
    struct signer signer = pack_signer(o);

    if (o->attach || o->digest)
        return error_set(err, pack_usage_status(o),
                         "--attach and --digest are for sign, not for create");
    if (pack_check_signers(o, err))
        return -1;
    return create_archive(o->conf, o->output, &signer, o->level, pack_check_tasks, err);
}

static int pack_gen_keys(struct pack_options *o, struct error *err)
{
    const char *prefix = o->output && strcmp(o->output, "-") ? o->output : "fwup-key";
    struct buffer text = {0};

    if (keys_generate(prefix, err))
        return -1;
    char *copy = memory_text(prefix);
    const char *name = basename(copy);
    buffer_printf(&text,
                  "Firmware signing keys created and saved to '%s.pub' and '%s.priv'\n\n"
                  "Distribute '%s.pub' with your system so that firmware updates can be "
                  "authenticated. Keep '%s.priv' in a safe location.\n",
                  name, name, name, name);
    report_result(&o->report, buffer_text(&text));
    buffer_free(&text);
    free(copy);
    return 0;
}

/* Creates a file with a hole, and asks the file system whether it has kept the hole. */
static int pack_sparse_check(struct pack_options *o, struct error *err)
{
    int rc = -1;

    int fd = open(o->sparse_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, "Cannot create '%s'", o->sparse_path);
    if (ftruncate(fd, (off_t)o->sparse_size) || pwrite(fd, "", 1, (off_t)o->sparse_size) != 1)
        error_errno(err, "Cannot write '%s'", o->sparse_path);
    else if (lseek(fd, 0, SEEK_HOLE) != 0)
        error_set(err, EXIT_FAILED, "Sparse files not supported");
    else
        rc = 0;
    close(fd);
    unlink(o->sparse_path);
    if (!rc)
        report_result(&o->report, "Sparse files supported\n");
    return rc;
}

static int pack_cards(struct pack_options *o)
{
    struct buffer text = {0};

    card_list(&text);
    report_result(&o->report, buffer_text(&text));
    buffer_free(&text);
    return 0;
}

static int pack_card(struct pack_options *o, struct error *err)
{
    char *path = card_find(err);

    if (!path)
        return -1;
    char *line = memory_printf("%s\n", path);
    report_result(&o->report, line);
    free(line);
    free(path);
    return 0;
}

static int pack_version(struct pack_options *o)
{
    /* Scripts compare what fwup --version prints, so with the option the number stands alone. */
    if (o->words)
        printf("fwpack %s (compatible with fwup %s)\n", own_version, CONF_FWUP_VERSION);
    else
        printf("%s\n", CONF_FWUP_VERSION);
    return 0;
}

int pack_run(struct pack_options *o, struct meta_identity *identity, struct error *err)
{
    *identity = (struct meta_identity){0};
    switch (o->command) {
    case PACK_APPLY:
    case PACK_ACTIVATE:
        return pack_apply(o, identity, err);
    case PACK_CREATE:
        return pack_create(o, err);
    case PACK_LIST:
        return pack_with_firmware(o, identity, pack_list, err);
    case PACK_METADATA:
        return pack_with_firmware(o, identity, pack_metadata, err);
    case PACK_VERIFY:
        return pack_need_file(o, err) ? -1 : pack_with_firmware(o, identity, pack_verify, err);
    case PACK_SIGN:
        return pack_sign(o, err);
    case PACK_GEN_KEYS:
        return pack_gen_keys(o, err);
    case PACK_SPARSE_CHECK:
        return pack_sparse_check(o, err);
    case PACK_VERSION:
        return pack_version(o);
    case PACK_HELP:
        pack_options_usage();
        return 0;
    case PACK_CARDS:
        return pack_cards(o);
    case PACK_CARD:
        return pack_card(o, err);
    case PACK_NONE:
        break;
    }
    return error_set(err, EXIT_USAGE, "no command");
}
