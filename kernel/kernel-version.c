/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the kernel's version and its count of oopses.
 */
#include "kernel/kernel-version.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/number.h"

#define OOPS_COUNT_PATH "/sys/kernel/oops_count"
#define OOPS_COUNT_LIMIT_BYTES 64

/* No kernel comes near it; keeps the sum below from wrapping. */
#define VERSION_PART_MAX 1000000

/* Reads one number and moves behind it. Returns 0 or -EINVAL. */
static int parse_part(const char **text, unsigned *ret_part) {
        unsigned part = 0;

        if (!isdigit((unsigned char) **text))
                return -EINVAL;

        for (; isdigit((unsigned char) **text); (*text)++) {
                part = part * 10 + (unsigned) (**text - '0');
                if (part > VERSION_PART_MAX)
                        return -EINVAL;
        }

        *ret_part = part;
        return 0;
}

int kernel_version_parse(const char *release, KernelVersion *ret_version) {
        KernelVersion version = {};
        int r;

        r = parse_part(&release, &version.major);
        if (r < 0)
                return r;
        if (*release++ != '.')
                return -EINVAL;
        r = parse_part(&release, &version.minor);
        if (r < 0)
                return r;

        /* "7.3-rc1" has no third part, and behind the third part comes whatever the packager likes. */
        if (*release == '.') {
                release++;
                r = parse_part(&release, &version.patch);
                if (r < 0)
                        return r;
        }

        *ret_version = version;
        return 0;
}

int kernel_version_running(KernelVersion *ret_version) {
        struct utsname names;

        if (uname(&names) < 0)
                return -errno;

        return kernel_version_parse(names.release, ret_version);
}

static int compare(unsigned a, unsigned b) {
        return (a > b) - (a < b);
}

int kernel_version_compare(KernelVersion a, KernelVersion b) {
        if (a.major != b.major)
                return compare(a.major, b.major);
        if (a.minor != b.minor)
                return compare(a.minor, b.minor);

        return compare(a.patch, b.patch);
}

int kernel_oops_count_open(void) {
        int fd = open(OOPS_COUNT_PATH, O_RDONLY|O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int kernel_oops_count_read(int fd, uint64_t *ret_count) {
        char text[OOPS_COUNT_LIMIT_BYTES];
        ssize_t length;

        do
                length = pread(fd, text, sizeof(text) - 1, 0);
        while (length < 0 && errno == EINTR);
        if (length < 0)
                return -errno;

        text[length] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return number_parse_u64(text, 0, UINT64_MAX, ret_count);
}

int kernel_oops_count(uint64_t *ret_count) {
        _cleanup_(close_fd_at) int fd = kernel_oops_count_open();

        return fd < 0 ? fd : kernel_oops_count_read(fd, ret_count);
}
