/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose a process is, told by its control group: unit, slice, user, session, container, pod. Pure: names alone, by the
 * conventions of systemd and of the runtimes (docs/architecture.md, "Who uses a file system").
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "src/basic/macro.h"
#include "src/basic/unit-name.h"
#include "src/basic/names.h"

typedef enum ContainerRuntime {
        RUNTIME_NONE,                   /* in no container */
        RUNTIME_PODMAN,
        RUNTIME_DOCKER,
        RUNTIME_CONTAINERD,
        RUNTIME_CRIO,
        RUNTIME_LXC,
        RUNTIME_MACHINED,               /* systemd-nspawn, libvirt, or whoever registers machines */
        RUNTIME_OTHER,                  /* in a pod whose runtime leaves no name in the path */
} ContainerRuntime;
DECLARE_NAMES(container_runtime, ContainerRuntime)
#define N_CONTAINER_RUNTIMES (RUNTIME_OTHER + 1)

#define WORKLOAD_CONTAINER_SIZE 128
#define WORKLOAD_POD_SIZE 64
#define WORKLOAD_SESSION_SIZE 32
#define WORKLOAD_USER_NONE UINT32_MAX

/* Texts are "" where there is nothing of the kind. */
typedef struct Workload {
        char unit[UNIT_NAME_SIZE];      /* of the machine's manager: "postgresql@main.service" */
        char user_unit[UNIT_NAME_SIZE]; /* of a user's manager, below unit user@UID.service */
        char slice[UNIT_NAME_SIZE];     /* the innermost one above the unit: "system.slice" */
        char container[WORKLOAD_CONTAINER_SIZE];        /* number or name, as the runtime calls it */
        char pod[WORKLOAD_POD_SIZE];    /* UID of a Kubernetes pod, with dashes */
        char session[WORKLOAD_SESSION_SIZE];
        uint32_t user;                  /* whose session or manager it runs in; WORKLOAD_USER_NONE */
        ContainerRuntime runtime;       /* of the outermost container: what the machine itself started */
} Workload;

/**
 * workload_from_cgroup() - read the path of a control group
 * @path: from the root of the hierarchy: "/system.slice/cron.service"
 *
 * A path that follows no convention gives an empty workload. Returns: 0; -EINVAL if it is no absolute path; or
 * -ENAMETOOLONG if a part of it does not fit (the workload is empty then).
 */
int workload_from_cgroup(const char *path, Workload *ret_workload);

/* How much of such a path names the group that is all of the container, or of the unit if there is no container: what
 * is below belongs to it. 0: it is neither. */
size_t workload_group_length(const char *path);

/**
 * workload_pick_cgroup() - the path that tells most, out of the text of /proc/PID/cgroup
 *
 * The unified hierarchy, unless everything is in its root: then systemd's own of version 1, then any other.
 * Returns: 0; -EBADMSG if there is none; or -ENAMETOOLONG.
 */
int workload_pick_cgroup(const char *text, char *buffer, size_t size_bytes);
