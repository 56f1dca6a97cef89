/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that fwssh-agent is. It is compiled with their main() under these names. */
#ifndef FWSSH_AGENT_H
#define FWSSH_AGENT_H

int receive_main(int argc, char **argv);
int pack_main(int argc, char **argv);
int hold_main(int argc, char **argv);
int listen_main(int argc, char **argv);

#endif
