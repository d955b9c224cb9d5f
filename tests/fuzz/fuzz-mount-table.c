/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever the kernel answers to statmount() or tells of changed mounts: refused, or taken apart without a fault.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/mount-table.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "tests/fuzz/fuzz-target.h"

static void on_change(_unused_ uint64_t mount_id, unsigned changes, void *userdata) {
        require(changes != 0 && (changes & ~(unsigned) (MOUNT_ATTACHED|MOUNT_DETACHED)) == 0);
        ++*(size_t *) userdata;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(mount_info_clear) MountInfo info = {};
        size_t n_changes = 0;
        int r;

        r = mount_info_parse(data, size, &info);
        require(r == 0 || r == -EBADMSG);
        if (r == 0)
                /* Reads each text to its end, within the answer. */
                require(strlen(info.type) < size && strlen(info.root) < size &&
                        (!info.mount_point || strlen(info.mount_point) < size) &&
                        (!info.source || strlen(info.source) < size));

        r = mount_events_parse(data, size, on_change, &n_changes);
        require(r == 0 || r == -EBADMSG || r == -EOVERFLOW);
        /* An event is never shorter than its head. */
        require(n_changes <= size / 24);
        return 0;
}
