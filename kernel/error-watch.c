/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fanotify group of one file system: its mark, its records, and what /proc says about it.
 */
#include "kernel/error-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kernel/fanotify-abi.h"
#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* What the link in /proc/PID/fd says of any fanotify group. */
#define GROUP_LINK_TEXT "anon_inode:[fanotify]"
/* One mark makes some 150 bytes. Longer ones belong to something else. */
#define FDINFO_LIMIT_BYTES 4096
#define PROC_PATH_SIZE 48
/* The kernel's own form of a device number, as fdinfo prints it: 12 bits and 20. */
#define KERNEL_MINOR_BITS 20
/* Where a record of type FID has its file handle, and where that has its bytes. */
#define HANDLE_OFFSET sizeof(struct abi_fanotify_event_info_fid)
#define HANDLE_BYTES_OFFSET (HANDLE_OFFSET + sizeof(struct abi_file_handle))

int error_watch_open(int root_fd) {
        _cleanup_(close_fd_at) int watch_fd = -EBADF;

        watch_fd = fanotify_init(ABI_FAN_CLASS_NOTIF | ABI_FAN_REPORT_FID | ABI_FAN_CLOEXEC | ABI_FAN_NONBLOCK,
                                 O_RDONLY|O_CLOEXEC);
        if (watch_fd < 0)
                return errno == ENOSYS || errno == EINVAL ? -EOPNOTSUPP : -errno;

        if (fanotify_mark(watch_fd, ABI_FAN_MARK_ADD | ABI_FAN_MARK_FILESYSTEM, ABI_FAN_FS_ERROR, root_fd, NULL) < 0)
                /* EINVAL: before 5.16; ENODEV: no identity of its own that a record could carry. */
                return errno == EINVAL || errno == ENODEV ? -EOPNOTSUPP : -errno;

        return steal_fd(&watch_fd);
}

ssize_t error_watch_read(int watch_fd, void *buffer, size_t size_bytes) {
        ssize_t n;

        if (size_bytes < ERROR_WATCH_READ_BYTES)
                return -EINVAL;

        do
                n = read(watch_fd, buffer, size_bytes);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;

        /* No group has an end; whatever this is would stay readable for ever. */
        return n > 0 ? n : -ENODATA;
}

/* How the handles begin that we can read. All of them go on with the parent, which is nothing to us. */
typedef struct HandleForm {
        int32_t type;
        uint32_t size_bytes;            /* at least */
        size_t inode_bytes;             /* at offset 0 */
        size_t generation_offset;       /* 32 bits */
} HandleForm;

static const HandleForm handle_forms[] = {
        { ABI_FILEID_INO32_GEN,              8,  4, 4 },
        { ABI_FILEID_INO32_GEN_PARENT,       8,  4, 4 },
        { ABI_FILEID_INO64_GEN,              12, 8, 8 },
        { ABI_FILEID_INO64_GEN_PARENT,       12, 8, 8 },
        /* objectid, subvolume, generation */
        { ABI_FILEID_BTRFS_WITHOUT_PARENT,   20, 8, 16 },
        { ABI_FILEID_BTRFS_WITH_PARENT,      20, 8, 16 },
        { ABI_FILEID_BTRFS_WITH_PARENT_ROOT, 20, 8, 16 },
};

/* Leaves the event without an inode if the form is unknown: that something is broken is news without it, too. */
static void read_handle(const struct abi_file_handle *handle, const uint8_t *bytes, HealthEvent *event) {
        for (size_t i = 0; i < ELEMENTSOF(handle_forms); i++) {
                const HandleForm *form = handle_forms + i;
                uint32_t inode32;

                if (form->type != handle->handle_type || handle->handle_bytes < form->size_bytes)
                        continue;

                if (form->inode_bytes == sizeof(inode32)) {
                        memcpy(&inode32, bytes, sizeof(inode32));
                        event->inode = inode32;
                } else
                        memcpy(&event->inode, bytes, sizeof(event->inode));
                memcpy(&event->generation, bytes + form->generation_offset, sizeof(event->generation));
                event->domain = DOMAIN_INODE;
                return;
        }
}

/* @size_bytes: of the record, at least that of its header. Returns 0 or -EBADMSG. */
static int read_info(const uint8_t *info, size_t size_bytes, uint8_t type, HealthEvent *event) {
        struct abi_fanotify_event_info_error error;
        struct abi_file_handle handle;

        if (type == ABI_FAN_EVENT_INFO_TYPE_ERROR) {
                if (size_bytes < sizeof(error))
                        return -EBADMSG;
                memcpy(&error, info, sizeof(error));
                event->error = error.error > 0 ? error.error : 0;
                event->count = max_of(error.error_count, UINT32_C(1));
        } else if (type == ABI_FAN_EVENT_INFO_TYPE_FID) {
                if (size_bytes < HANDLE_BYTES_OFFSET)
                        return -EBADMSG;
                memcpy(&handle, info + HANDLE_OFFSET, sizeof(handle));
                if (handle.handle_bytes > size_bytes - HANDLE_BYTES_OFFSET)
                        return -EBADMSG;
                read_handle(&handle, info + HANDLE_BYTES_OFFSET, event);
        }

        return 0;
}

static int read_infos(const uint8_t *infos, size_t size_bytes, HealthEvent *event) {
        while (size_bytes > 0) {
                struct abi_fanotify_event_info_header header;
                int r;

                if (size_bytes < sizeof(header))
                        return -EBADMSG;
                memcpy(&header, infos, sizeof(header));
                if (header.len < sizeof(header) || header.len > size_bytes)
                        return -EBADMSG;

                r = read_info(infos, header.len, header.info_type, event);
                if (r < 0)
                        return r;

                infos += header.len;
                size_bytes -= header.len;
        }

        return 0;
}

static void forget_inode(HealthEvent *event, EventDomain domain) {
        event->domain = domain;
        event->inode = 0;
        event->generation = 0;
}

/* What kind of event a mask and an errno make. */
static void judge(uint64_t mask, HealthEvent *event) {
        if (mask & ABI_FAN_Q_OVERFLOW) {
                event->kind = EVENT_EVENTS_LOST;
                event->error = 0;
                event->count = 1;
                forget_inode(event, DOMAIN_MOUNT);
        } else if (!(mask & ABI_FAN_FS_ERROR)) {
                event->kind = EVENT_UNRECOGNISED;
                event->raw_type = (uint32_t) mask;
                event->error = 0;
                event->count = 1;
                forget_inode(event, DOMAIN_UNRECOGNISED);
        } else if (event->error == ESHUTDOWN) {
                event->kind = EVENT_SHUTDOWN;
                forget_inode(event, DOMAIN_MOUNT);
        } else
                event->kind = EVENT_FILESYSTEM_ERROR;
}

ssize_t error_watch_decode(const void *bytes, size_t size_bytes, HealthEvent *ret_event) {
        HealthEvent event = { .source = EVENT_SOURCE_FANOTIFY, .domain = DOMAIN_FS, .count = 1 };
        struct abi_fanotify_event_metadata record;
        int r;

        if (size_bytes < sizeof(record))
                return -EBADMSG;
        memcpy(&record, bytes, sizeof(record));
        if (record.vers != ABI_FANOTIFY_METADATA_VERSION || record.metadata_len < sizeof(record) ||
            record.event_len < record.metadata_len || record.event_len > size_bytes)
                return -EBADMSG;

        r = read_infos((const uint8_t *) bytes + record.metadata_len, record.event_len - record.metadata_len, &event);
        if (r < 0)
                return r;

        judge(record.mask, &event);
        memcpy(event.raw, bytes, min_of((size_t) record.event_len, sizeof(event.raw)));
        *ret_event = event;
        return (ssize_t) record.event_len;
}

int error_watch_parse_mark(const char *fdinfo, ErrorWatchMark *ret_mark) {
        ErrorWatchMark mark = {};
        bool is_group = false;

        for (const char *line = fdinfo; line; line = strchr(line, '\n')) {
                unsigned device, flags, mask;

                if (*line == '\n')
                        line++;
                /* "fanotify flags:", then one line for each mark that begins with what it is on. */
                if (strncmp(line, "fanotify ", strlen("fanotify ")) != 0)
                        continue;
                if (strncmp(line, "fanotify flags:", strlen("fanotify flags:")) == 0) {
                        is_group = true;
                        continue;
                }
                if (mark.is_alive ||
                    sscanf(line, "fanotify sdev:%x mflags:%x mask:%x", &device, &flags, &mask) != 3 ||
                    mask != ABI_FAN_FS_ERROR)
                        return -ENOTTY;

                mark.is_alive = true;
                mark.device_number = makedev(device >> KERNEL_MINOR_BITS, device & ((1U << KERNEL_MINOR_BITS) - 1));
        }

        if (!is_group)
                return -ENOTTY;
        *ret_mark = mark;
        return 0;
}

int error_watch_check(int fd, ErrorWatchMark *ret_mark) {
        _cleanup_(free_at) char *text = NULL;
        char path[PROC_PATH_SIZE], link[sizeof(GROUP_LINK_TEXT)];
        ssize_t link_length;
        size_t length;
        int r;

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        link_length = readlink(path, link, sizeof(link));
        if (link_length < 0)
                return errno == ENOENT ? -EBADF : -errno;
        if (link_length != (ssize_t) strlen(GROUP_LINK_TEXT) ||
            memcmp(link, GROUP_LINK_TEXT, (size_t) link_length) != 0)
                return -ENOTTY;

        (void) snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        r = file_read(AT_FDCWD, path, FDINFO_LIMIT_BYTES, &text, &length);
        if (r < 0)
                return r == -EFBIG ? -ENOTTY : r;

        return error_watch_parse_mark(text, ret_mark);
}
