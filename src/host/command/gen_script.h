/* `fwssh gen-script`: writes upload.sh, which pushes without fwssh. */
#ifndef FWSSH_HOST_COMMAND_GEN_SCRIPT_H
#define FWSSH_HOST_COMMAND_GEN_SCRIPT_H

/* argv[0] is the command's word; options: --output FILE (default upload.sh, - for standard output),
 * --force. */
int gen_script_run(int argc, char **argv);

#endif
