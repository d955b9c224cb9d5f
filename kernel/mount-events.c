/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * News about mounts through fanotify: one descriptor for the whole namespace, no text to compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "kernel/fanotify-abi.h"
#include "kernel/mount-table.h"

#define MOUNT_NAMESPACE_PATH "/proc/self/ns/mnt"

/* Room for 409 events; the kernel's queue holds 16384, which is what one call reads at most. */
#define READ_BYTES 16384
#define READS_MAX 41

int mount_events_open(void) {
        _cleanup_(close_fd_at) int events_fd = -EBADF, namespace_fd = -EBADF;

        events_fd = fanotify_init(ABI_FAN_CLASS_NOTIF | ABI_FAN_REPORT_MNT | ABI_FAN_CLOEXEC | ABI_FAN_NONBLOCK,
                                  O_RDONLY|O_CLOEXEC);
        if (events_fd < 0)
                return -errno;

        namespace_fd = open(MOUNT_NAMESPACE_PATH, O_RDONLY|O_CLOEXEC);
        if (namespace_fd < 0)
                return -errno;

        if (fanotify_mark(events_fd, ABI_FAN_MARK_ADD | ABI_FAN_MARK_MNTNS,
                          ABI_FAN_MNT_ATTACH | ABI_FAN_MNT_DETACH, namespace_fd, NULL) < 0)
                return -errno;

        return steal_fd(&events_fd);
}

/* Tells each mount that one event names. Returns 0 or -EBADMSG. */
static int parse_records(const char *records, size_t size_bytes, unsigned changes,
                         MountChanged changed, void *userdata) {
        while (size_bytes > 0) {
                struct abi_fanotify_event_info_header header;
                struct abi_fanotify_event_info_mnt mount;

                if (size_bytes < sizeof(header))
                        return -EBADMSG;
                memcpy(&header, records, sizeof(header));
                if (header.len < sizeof(header) || header.len > size_bytes)
                        return -EBADMSG;

                if (header.info_type == ABI_FAN_EVENT_INFO_TYPE_MNT) {
                        if (header.len < sizeof(mount))
                                return -EBADMSG;
                        memcpy(&mount, records, sizeof(mount));
                        if (changes != 0)
                                changed(mount.mnt_id, changes, userdata);
                }

                records += header.len;
                size_bytes -= header.len;
        }

        return 0;
}

int mount_events_parse(const void *buffer, size_t size_bytes, MountChanged changed, void *userdata) {
        const char *position = buffer;
        bool is_overflow = false;
        int r;

        while (size_bytes > 0) {
                struct abi_fanotify_event_metadata event;
                unsigned changes = 0;

                if (size_bytes < sizeof(event))
                        return -EBADMSG;
                memcpy(&event, position, sizeof(event));
                if (event.vers != ABI_FANOTIFY_METADATA_VERSION || event.metadata_len < sizeof(event) ||
                    event.event_len < event.metadata_len || event.event_len > size_bytes)
                        return -EBADMSG;

                /* A move carries both bits. */
                if (event.mask & ABI_FAN_MNT_ATTACH)
                        changes |= MOUNT_ATTACHED;
                if (event.mask & ABI_FAN_MNT_DETACH)
                        changes |= MOUNT_DETACHED;
                if (event.mask & ABI_FAN_Q_OVERFLOW)
                        is_overflow = true;

                r = parse_records(position + event.metadata_len, event.event_len - event.metadata_len, changes,
                                  changed, userdata);
                if (r < 0)
                        return r;

                position += event.event_len;
                size_bytes -= event.event_len;
        }

        return is_overflow ? -EOVERFLOW : 0;
}

int mount_events_read(int fd, MountChanged changed, void *userdata) {
        _Alignas(uint64_t) char buffer[READ_BYTES];
        int result = 0;

        for (unsigned i = 0; i < READS_MAX; i++) {
                ssize_t n = read(fd, buffer, sizeof(buffer));
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return result;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return result;

                /* What follows an overflow is told all the same. */
                r = mount_events_parse(buffer, (size_t) n, changed, userdata);
                if (r == -EOVERFLOW)
                        result = r;
                else if (r < 0)
                        return r;
        }

        return result;
}
