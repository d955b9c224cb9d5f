/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kernel runs, and how often it oopsed.
 */
#pragma once

#include <stdint.h>

typedef struct KernelVersion {
        unsigned major, minor, patch;
} KernelVersion;

/* Parses "7.2.13+deb14-amd64". Returns 0 or -EINVAL. */
int kernel_version_parse(const char *release, KernelVersion *ret_version);
/* The running kernel (uname). Returns 0 or a negative errno. */
int kernel_version_running(KernelVersion *ret_version);
int kernel_version_compare(KernelVersion a, KernelVersion b);   /* <0, 0, >0 */
/* /sys/kernel/oops_count. Returns 0 or a negative errno (-ENOENT before Linux 6.2). */
int kernel_oops_count(uint64_t *ret_count);
/* The same in two steps, for who asks often: to open it takes longer than to read it. The first returns a descriptor or
 * a negative errno. */
int kernel_oops_count_open(void);
int kernel_oops_count_read(int fd, uint64_t *ret_count);
