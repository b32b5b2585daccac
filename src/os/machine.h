/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h - how much memory this process may have: that of the machine, or less where a cgroup
 * says so. */
#ifndef LAMINAR_OS_MACHINE_H
#define LAMINAR_OS_MACHINE_H

#include "os/vfs.h"

/* Bytes; read when it is first asked for, and not again. */
int64_t machine_memory(void);
/* The smallest limit of the cgroups around the process (both versions), as the files of `fs` tell
 * it, and `physical` where none is smaller. What cannot be read limits nothing. */
int64_t machine_memory_of(vfs *fs, int64_t physical);

#endif
