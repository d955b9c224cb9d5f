/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel lowers the end and raises the start to what belongs to the file system, stops at the first read that
 * fails, and says why only if that was the first of the call: so it is asked again from there. Source: Linux 7.2,
 * fs/xfs/xfs_verify_media.c.
 */
#include "kernel/media-verify.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "kernel/xfs-abi.h"
#include "src/basic/macro.h"

/* Behind every device, and a multiple of every sector. */
#define FAR_AWAY (UINT64_C(1) << 53)

static const uint32_t devices[] = {
        [MEDIA_DEVICE_DATA] = ABI_XFS_DEV_DATA,
        [MEDIA_DEVICE_LOG] = ABI_XFS_DEV_LOG,
        [MEDIA_DEVICE_REALTIME] = ABI_XFS_DEV_RT,
};
_Static_assert(ELEMENTSOF(devices) == N_MEDIA_DEVICES, "every device has a number");

static int call(int fd, MediaDevice device, uint32_t flags, uint32_t io_bytes, struct abi_xfs_verify_media *request) {
        request->me_dev = devices[device];
        request->me_flags = flags;
        request->me_max_io_size = io_bytes;
        return ioctl(fd, ABI_XFS_IOC_VERIFY_MEDIA, request) < 0 ? negative_errno() : 0;
}

int media_limits(int fd, MediaDevice device, uint64_t *ret_start, uint64_t *ret_end) {
        /* What ends before it begins is no work, and comes back adjusted. */
        struct abi_xfs_verify_media first = {}, last = { .me_start_daddr = FAR_AWAY, .me_end_daddr = FAR_AWAY };
        int r;

        r = call(fd, device, 0, 0, &first);
        if (r >= 0)
                r = call(fd, device, 0, 0, &last);
        if (r < 0)
                return r;
        if (last.me_end_daddr >= FAR_AWAY || first.me_start_daddr > last.me_end_daddr)
                return -EBADMSG;

        *ret_start = first.me_start_daddr;
        *ret_end = last.me_end_daddr;
        return 0;
}

static int read_range(int fd, MediaDevice device, uint32_t flags, uint64_t start, uint64_t end, uint32_t io_bytes,
                      uint64_t *ret_good_until) {
        struct abi_xfs_verify_media request = { .me_start_daddr = start, .me_end_daddr = end };
        int r;

        /* Twice is enough: what fails, and then its reason; unless it can be read at the second time. */
        do {
                uint64_t before = request.me_start_daddr;

                request.me_ioerror = 0;
                r = call(fd, device, flags, io_bytes, &request);
                if (r < 0)
                        return r;
                if (request.me_ioerror == 0 && request.me_start_daddr <= before && before < end)
                        return -EBADMSG;
        } while (request.me_ioerror == 0 && request.me_start_daddr < request.me_end_daddr);

        *ret_good_until = min_of(request.me_start_daddr, end);
        return request.me_ioerror > 0 ? (int) request.me_ioerror : 0;
}

int media_read(int fd, MediaDevice device, uint64_t start, uint64_t end, uint32_t io_bytes, uint64_t *ret_good_until) {
        return read_range(fd, device, 0, start, end, io_bytes, ret_good_until);
}

int media_report(int fd, MediaDevice device, uint64_t start, uint64_t end) {
        uint64_t good_until;

        return read_range(fd, device, ABI_XFS_VERIFY_MEDIA_REPORT, start, end, MEDIA_REPORT_MAX_BYTES, &good_until);
}

bool media_error_is_loss(int error) {
        return error == EIO || error == ENODATA || error == EILSEQ;
}
