/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The texts of /proc that tell who uses which file system. Paths and names in them are other people's. Pure: nothing is
 * opened here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Blanks, line ends and backslashes stand as three octal digits. In place. */
void proc_unescape(char *text);

/* One line of mountinfo. All texts lie in the line. */
typedef struct MountLine {
        int mount_id;                   /* of all namespaces, used again after its end */
        dev_t device_number;            /* of the superblock */
        char *mount_point;              /* from the root of the process whose mountinfo it is */
        char *type;
        char *options;                  /* of the superblock; escaped */
} MountLine;

/* Cuts a line into words, in place. Returns 0 or -EBADMSG. */
int mount_line_parse(char *line, MountLine *ret_line);

/* The beginning of fdinfo, of any file. */
typedef struct DescriptorInfo {
        int mount_id;
        uint64_t inode;                 /* 0: not told (before Linux 5.14) */
} DescriptorInfo;

/* Returns 0, or -EBADMSG if no mount is named. */
int descriptor_info_parse(const char *text, DescriptorInfo *ret_info);

/* One line of /proc/PID/maps. */
typedef struct MapLine {
        dev_t device_number;            /* 0: of no file */
        uint64_t inode;
        const char *path;               /* in the line; "": none */
} MapLine;

/* @line: without its end. Returns 0 or -EBADMSG. */
int map_line_parse(const char *line, MapLine *ret_line);

/* Whether a link of /proc/PID/fd leads to something that can lie on a mounted file system. Sockets, pipes and memory of
 * programs do not. */
bool link_is_on_mount(const char *link);

/* Whether @path is @folder or lies in it, by their names. Both absolute. */
bool path_is_below(const char *path, const char *folder);

/* The real user of a process, out of /proc/PID/status. Returns 0 or -EBADMSG. */
int status_user_parse(const char *text, uint32_t *ret_uid);

/* The file of a line of /proc/swaps; devices are none. In place. NULL: none. */
char *swap_line_file(char *line);

/* The folder of a line of the kernel's list of NFS exports. In place. NULL: none. */
char *export_line_folder(char *line);

/* Calls @found with each layer of an overlay's options, unescaped. In place. Ends at its first result other than 0 and
 * returns that. */
int overlay_each_layer(char *options, int (*found)(const char *layer, void *userdata), void *userdata);
