/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/shutdown-filesystem.h"

#include <stdint.h>
#include <sys/ioctl.h>

#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

int filesystem_shut_down(int fd) {
        uint32_t flags = ABI_XFS_FSOP_GOING_FLAGS_LOGFLUSH;

        return ioctl(fd, ABI_XFS_IOC_GOINGDOWN, &flags) < 0 ? negative_errno() : 0;
}
