/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files to one Policy, all or nothing.
 */
#include "policy/policy-load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/policy-merge.h"
#include "policy/policy-rules.h"
#include "src/basic/file.h"
#include "src/basic/text.h"

#define MAIN_NAME "policy.yaml"
#define DROP_IN_FOLDER "policy.d"
#define DROP_IN_SUFFIX ".yaml"
/* Nobody reads through more, and each costs a look at four folders. */
#define DROP_INS_MAX 512
#define MASK_TARGET "/dev/null"

/* 64-bit FNV-1a. It tells the policies of a fleet apart; it is no protection against anybody. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)

/* The first one that has a file wins. */
static const char *const folders[] = {
        "/etc/xfs_healer",
        "/run/xfs_healer",
        "/usr/local/lib/xfs_healer",
        "/usr/lib/xfs_healer",
};

typedef struct PolicyLoader {
        const PolicyLoadOptions *options;
        PolicyProblems *problems;
        PolicySource source;
        uint64_t hash;
        bool is_alone;                  /* one file only: what it leans on is not there */
} PolicyLoader;

typedef struct DropIn {
        char *name;
        char *path;
} DropIn;

typedef struct DropInList {
        DropIn items[DROP_INS_MAX];
        size_t n_items;
        size_t n_omitted;
} DropInList;

static DropInList *drop_in_list_free(DropInList *list) {
        if (!list)
                return NULL;

        for (size_t i = 0; i < list->n_items; i++) {
                free(list->items[i].name);
                free(list->items[i].path);
        }
        free(list);
        return NULL;
}
DEFINE_CLEANUP(DropInList, drop_in_list_free)

static void hash_add(PolicyLoader *loader, const char *bytes, size_t length) {
        for (size_t i = 0; i < length; i++)
                loader->hash = (loader->hash ^ (unsigned char) bytes[i]) * HASH_PRIME;
}

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* A problem of a file as a whole. Returns 0 or -ENOMEM. */
static int report_file(PolicyLoader *loader, ProblemSeverity severity, const char *path, const char *text) {
        SourcePosition position = {};
        int r;

        r = policy_problems_add_file(loader->problems, path, NULL, 0, &position.file);
        if (r < 0)
                return r;

        policy_problems_add(loader->problems, severity, position, "%s", text);
        return 0;
}

static int report_unreadable(PolicyLoader *loader, const char *path, int error) {
        char text[256] = "cannot be read: ";

        (void) text_append_format(text, sizeof(text), "%s", strerror(-error));
        if (error == -EACCES)
                (void) text_append_format(text, sizeof(text),
                                          ": give the service's group access (root:healerd, mode 0640)");
        return report_file(loader, PROBLEM_ERROR, path, text);
}

/* Says what is wrong with owner and mode; NULL if nothing is. */
static const char *ownership_fault(const PolicyLoadOptions *options, const struct stat *attributes) {
        if (!options->check_ownership)
                return NULL;
        if (attributes->st_uid != options->owner)
                return "does not belong to root: chown it to root, or else whoever owns it decides here";
        if (attributes->st_mode & (S_IWGRP | S_IWOTH))
                return "can be written by others than its owner: chmod go-w";

        return NULL;
}

/* A problem of a whole file or folder is one, however many files need it. */
static bool was_reported(const PolicyLoader *loader, const char *path) {
        for (size_t i = 0; i < loader->problems->n_files; i++)
                if (!loader->problems->files[i].text && strcmp(loader->problems->files[i].name, path) == 0)
                        return true;

        return false;
}

/* Whoever may write the folder may put another file there. Returns 0; -EINVAL after reporting; -ENOMEM. */
static int check_folder(PolicyLoader *loader, const char *path) {
        _cleanup_(free_at) char *folder = strndup(path, (size_t) (base_name(path) - path));
        struct stat attributes;
        const char *fault;
        int r;

        if (!folder)
                return -ENOMEM;
        if (was_reported(loader, folder))
                return -EINVAL;
        if (stat(folder[0] ? folder : ".", &attributes) < 0)
                r = report_unreadable(loader, folder, -errno);
        else {
                fault = ownership_fault(loader->options, &attributes);
                if (!fault)
                        return 0;
                r = report_file(loader, PROBLEM_ERROR, folder, fault);
        }

        return r < 0 ? r : -EINVAL;
}

/* Opens without waiting: a pipe that somebody left there must not hold the daemon up. */
static int open_and_read(PolicyLoader *loader, const char *path, char **ret_text, size_t *ret_length) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct stat attributes;
        const char *fault;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &attributes) < 0)
                r = report_unreadable(loader, path, -errno);
        else if (!S_ISREG(attributes.st_mode))
                r = report_file(loader, PROBLEM_ERROR, path,
                                "is no regular file: put a file there, or a link to " MASK_TARGET);
        else {
                fault = ownership_fault(loader->options, &attributes);
                if (!fault) {
                        r = file_read_fd(fd, YAML_TEXT_MAX, ret_text, ret_length);
                        if (r == 0 || r == -ENOMEM)
                                return r;
                        fault = r == -EFBIG ? "is larger than 1 MiB: split it into drop-ins in policy.d" : NULL;
                }
                r = fault ? report_file(loader, PROBLEM_ERROR, path, fault) : report_unreadable(loader, path, r);
        }

        return r < 0 ? r : -EINVAL;
}

/* Reads one text and merges it into what was read before. Returns 0; -EINVAL after reporting; -ENOMEM. */
static int add_text(PolicyLoader *loader, const char *name, PolicyFileRole role, const char *text, size_t length) {
        _cleanup_(yaml_tree_free_at) YamlTree *tree = NULL;
        PolicySource part = {};
        unsigned file;
        int r;

        r = policy_problems_add_file(loader->problems, name, text, length, &file);
        if (r < 0)
                return r;
        r = yaml_tree_parse(text, length, file, loader->problems, &tree);
        if (r < 0)
                return r;
        r = policy_parse(tree, file, role, loader->problems, &part);
        if (r < 0)
                return r;

        hash_add(loader, base_name(name), strlen(base_name(name)) + 1);
        hash_add(loader, text, length);
        return policy_merge(&loader->source, &part, loader->is_alone, loader->problems);
}

static int add_file(PolicyLoader *loader, const char *path, PolicyFileRole role) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;
        int r;

        if (loader->options->check_ownership) {
                r = check_folder(loader, path);
                if (r < 0)
                        return r;
        }
        r = open_and_read(loader, path, &text, &length);
        if (r < 0)
                return r;
        /* An empty drop-in hides its name. An empty main file is more likely the rest of a crash, and is refused. */
        if (length == 0 && role == POLICY_FILE_DROP_IN && !loader->is_alone)
                return 0;

        return add_text(loader, path, role, text, length);
}

static bool is_masked(const char *path) {
        char target[sizeof(MASK_TARGET)];
        ssize_t length;

        length = readlink(path, target, sizeof(target));
        return length == (ssize_t) strlen(MASK_TARGET) && memcmp(target, MASK_TARGET, (size_t) length) == 0;
}

/* Something has this name, be it readable or not: what cannot be read is an error, never passed over. */
static bool exists(const char *path) {
        struct stat attributes;

        return lstat(path, &attributes) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Returns new "ROOT/FOLDER/NAME"; NULL if out of memory. */
static char *path_in(const PolicyLoadOptions *options, size_t folder, const char *middle, const char *name) {
        char *path;

        if (asprintf(&path, "%s%s/%s%s", options->root_directory ?: "", folders[folder], middle, name) < 0)
                return NULL;
        return path;
}

/* Faults of one file do not keep the others from being looked at: -EINVAL comes at the end. */
static int add_main_file(PolicyLoader *loader) {
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_(free_at) char *path = path_in(loader->options, i, "", MAIN_NAME);

                if (!path)
                        return -ENOMEM;
                if (!exists(path))
                        continue;
                return is_masked(path) ? 0 : add_file(loader, path, POLICY_FILE_MAIN);
        }

        return 0;
}

static bool list_has(const DropInList *list, const char *name) {
        for (size_t i = 0; i < list->n_items; i++)
                if (strcmp(list->items[i].name, name) == 0)
                        return true;

        return false;
}

static int list_add(DropInList *list, const char *folder, const char *name) {
        _cleanup_(free_at) char *name_copy = NULL, *path = NULL;

        if (list->n_items >= DROP_INS_MAX) {
                list->n_omitted++;
                return 0;
        }

        name_copy = strdup(name);
        if (!name_copy || asprintf(&path, "%s/%s", folder, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }

        list->items[list->n_items++] = (DropIn) { steal_ptr(name_copy), steal_ptr(path) };
        return 0;
}

static int list_folder(PolicyLoader *loader, const char *folder, DropInList *list) {
        _cleanup_(closedir_at) DIR *directory = opendir(folder);
        int r;

        if (!directory && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (!directory) {
                r = report_unreadable(loader, folder, -errno);
                return r < 0 ? r : -EINVAL;
        }

        for (const struct dirent *entry; (entry = readdir(directory));) {
                if (entry->d_name[0] == '.')
                        continue;
                r = 0;
                if (text_ends_with(entry->d_name, ".yml"))
                        r = report_file(loader, PROBLEM_WARNING, folder,
                                        "has a file that ends in .yml, which is not read: rename it to .yaml");
                else if (text_ends_with(entry->d_name, DROP_IN_SUFFIX) && !list_has(list, entry->d_name))
                        r = list_add(list, folder, entry->d_name);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int compare_drop_ins(const void *a, const void *b) {
        const DropIn *left = a, *right = b;

        return strcmp(left->name, right->name);
}

static int add_drop_ins(PolicyLoader *loader) {
        _cleanup_(drop_in_list_free_at) DropInList *list = NULL;
        int r, result = 0;

        list = calloc(1, sizeof(*list));
        if (!list)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_(free_at) char *folder = path_in(loader->options, i, DROP_IN_FOLDER, "");

                if (!folder)
                        return -ENOMEM;
                r = list_folder(loader, folder, list);
                if (r < 0)
                        result = r;
        }
        if (list->n_omitted > 0)
                policy_error(loader->problems, ((SourcePosition) {}), "more than %d drop-ins: join some of them",
                             DROP_INS_MAX);

        qsort(list->items, list->n_items, sizeof(list->items[0]), compare_drop_ins);
        for (size_t i = 0; i < list->n_items && result != -ENOMEM; i++) {
                if (is_masked(list->items[i].path))
                        continue;
                r = add_file(loader, list->items[i].path, POLICY_FILE_DROP_IN);
                if (r < 0)
                        result = r;
        }

        return result;
}

static int finish(PolicyLoader *loader, int r, Policy **ret_policy) {
        char hash[POLICY_HASH_SIZE];

        if (r == 0 && loader->problems->n_errors > 0)
                r = -EINVAL;
        if (r == 0) {
                (void) snprintf(hash, sizeof(hash), "%016" PRIx64, loader->hash);
                r = policy_compile(&loader->source, loader->problems, loader->options->generation, hash, ret_policy);
        }

        policy_source_clear(&loader->source);
        policy_problems_sort(loader->problems);
        return loader->problems->out_of_memory ? -ENOMEM : r;
}

int policy_load(const PolicyLoadOptions *options, PolicyProblems *problems, Policy **ret_policy) {
        PolicyLoader loader = { .options = options, .problems = problems, .hash = HASH_START };
        int r, result;

        result = add_main_file(&loader);
        if (result != -ENOMEM) {
                r = add_drop_ins(&loader);
                if (r < 0)
                        result = r;
        }

        return finish(&loader, result, ret_policy);
}

static PolicyFileRole role_of(const char *path) {
        static const char suffix[] = "/" DROP_IN_FOLDER;
        size_t length = (size_t) (base_name(path) - path);

        /* Without the slash before the name. */
        if (length > 0)
                length--;
        if (length == strlen(DROP_IN_FOLDER) && strncmp(path, DROP_IN_FOLDER, length) == 0)
                return POLICY_FILE_DROP_IN;
        if (length >= strlen(suffix) && strncmp(path + length - strlen(suffix), suffix, strlen(suffix)) == 0)
                return POLICY_FILE_DROP_IN;

        return POLICY_FILE_MAIN;
}

int policy_load_file(const char *path, const PolicyLoadOptions *options, PolicyProblems *problems,
                     Policy **ret_policy) {
        PolicyLoader loader = { .options = options, .problems = problems, .hash = HASH_START, .is_alone = true };
        int r;

        loader.source.is_part = role_of(path) == POLICY_FILE_DROP_IN;
        r = add_file(&loader, path, role_of(path));
        return finish(&loader, r, ret_policy);
}

int policy_load_text(const char *name, const char *text, size_t length, uint64_t generation,
                     PolicyProblems *problems, Policy **ret_policy) {
        PolicyLoadOptions options = { .generation = generation };
        PolicyLoader loader = { .options = &options, .problems = problems, .hash = HASH_START, .is_alone = true };
        int r;

        r = add_text(&loader, name, POLICY_FILE_MAIN, text, length);
        return finish(&loader, r, ret_policy);
}

int policy_load_builtin(uint64_t generation, Policy **ret_policy) {
        PolicyLoadOptions options = { .generation = generation };
        PolicyProblems problems = {};
        PolicyLoader loader = { .options = &options, .problems = &problems, .hash = HASH_START };
        int r;

        r = finish(&loader, 0, ret_policy);
        policy_problems_clear(&problems);
        return r;
}
