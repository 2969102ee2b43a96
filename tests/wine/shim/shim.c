/* bcryptprimitives.dll for tests under Wine: stands beside the unmodified poolmon.exe.

   1. It exports ProcessPrng, which Rust's standard library imports and Wine 8 lacks.
   2. If POOL_SHIM_SCRIPT names a file, NtQuerySystemInformation of this process is redirected here. Classes 22, 255,
      66 and 67 are answered from the script, with the kernel's size protocol; 11 and 77 can have their addresses
      zeroed; 64 lists no handles; everything else goes on to Wine.

   The script is text, one directive a line:
     class255                    the kernel knows class 255 (otherwise C0000003)
     wide-more N                 class 255 contradicts class 22: N bytes more in each row's nonpaged pool
     zero-modules                base addresses of loaded drivers are zero
     handles                     class 64 lists Wine's handles. Wine 8's server then reads past the table of a process that has no
                                 handle yet, and crashes: only for tests during which no process starts
     status66 HEX                class 66 answers with this status
     big TAGHEX ADDRESS SIZE     one big pool allocation (hex, hex, decimal)
     table                       begins the answer to one refresh; the last table stays
     status HEX                  this refresh is answered with a status instead
     sleep MS                    this refresh takes so long
     grow                        a call that is too short uses up this table: the next call meets the next one
     hold FILE                   this table stays until FILE exists
     row TAGHEX PA PF PB NA NF NB    paged allocs, frees, bytes, nonpaged allocs, frees, bytes; 64-bit, decimal
     session ID                  further rows of this table belong to this session (class 67)
     type OBJECTS HANDLES NAME   while this is the table, NtQueryObject says so of this type of objects
   TAGHEX are the four bytes of the tag in the order in which they are shown. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#ifndef ENABLE_VIRTUAL_TERMINAL_PROCESSING
#define ENABLE_VIRTUAL_TERMINAL_PROCESSING 4
#endif
#define MISMATCH ((LONG)0xC0000004)
#define UNKNOWN_CLASS ((LONG)0xC0000003)

typedef LONG(NTAPI *query_fn)(ULONG, void *, ULONG, ULONG *);
typedef LONG(NTAPI *object_fn)(HANDLE, ULONG, void *, ULONG, ULONG *);

struct type {
    uint32_t objects, handles;
    char name[32];
};

struct row {
    uint8_t tag[4];
    int64_t session; /* -1 = the system's own */
    uint64_t figures[6];
};

struct table {
    LONG status;
    DWORD sleep;
    int grow;
    char hold[260];
    struct row *rows;
    size_t count, room;
    struct type *types;
    size_t type_count, type_room;
};

struct big {
    uint8_t tag[4];
    uint64_t address, size;
};

static query_fn wine_query;
static object_fn wine_object;
static CRITICAL_SECTION lock;
static struct table *tables;
static size_t table_count, table_room, current;
static struct big *bigs;
static size_t big_count, big_room;
static int has_255, zero_modules, has_handles;
static LONG status_66;
static uint64_t wide_more;

BOOLEAN NTAPI SystemFunction036(void *, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *bytes, SIZE_T count) {
    return SystemFunction036(bytes, (ULONG)count);
}

static void die(const char *what) {
    fprintf(stderr, "shim: %s\n", what);
    ExitProcess(99);
}

static void *more(void *items, size_t count, size_t *room, size_t size) {
    if (count < *room) return items;
    *room = *room ? *room * 2 : 64;
    items = realloc(items, *room * size);
    if (!items) die("out of memory");
    return items;
}

static void read_tag(const char *hex, uint8_t tag[4]) {
    uint32_t value = (uint32_t)strtoul(hex, NULL, 16);
    for (int n = 0; n < 4; n++) tag[n] = (uint8_t)(value >> (24 - 8 * n));
}

static void read_line(char *line, int64_t *session) {
    char *word = strtok(line, " \r\n");
    struct table *table = table_count ? &tables[table_count - 1] : NULL;
    if (!word || *word == '#') return;
    if (!strcmp(word, "class255")) has_255 = 1;
    else if (!strcmp(word, "wide-more")) wide_more = _strtoui64(strtok(NULL, " \r\n"), NULL, 10);
    else if (!strcmp(word, "zero-modules")) zero_modules = 1;
    else if (!strcmp(word, "handles")) has_handles = 1;
    else if (!strcmp(word, "status66")) status_66 = (LONG)strtoul(strtok(NULL, " \r\n"), NULL, 16);
    else if (!strcmp(word, "big")) {
        bigs = more(bigs, big_count, &big_room, sizeof *bigs);
        struct big *big = &bigs[big_count++];
        read_tag(strtok(NULL, " \r\n"), big->tag);
        big->address = _strtoui64(strtok(NULL, " \r\n"), NULL, 16);
        big->size = _strtoui64(strtok(NULL, " \r\n"), NULL, 10);
    } else if (!strcmp(word, "table")) {
        tables = more(tables, table_count, &table_room, sizeof *tables);
        memset(&tables[table_count++], 0, sizeof *tables);
        *session = -1;
    } else if (!table) die("a directive before the first table");
    else if (!strcmp(word, "status")) table->status = (LONG)strtoul(strtok(NULL, " \r\n"), NULL, 16);
    else if (!strcmp(word, "sleep")) table->sleep = strtoul(strtok(NULL, " \r\n"), NULL, 10);
    else if (!strcmp(word, "grow")) table->grow = 1;
    else if (!strcmp(word, "hold")) strncpy(table->hold, strtok(NULL, "\r\n"), sizeof table->hold - 1);
    else if (!strcmp(word, "session")) *session = strtoul(strtok(NULL, " \r\n"), NULL, 10);
    else if (!strcmp(word, "row")) {
        table->rows = more(table->rows, table->count, &table->room, sizeof *table->rows);
        struct row *row = &table->rows[table->count++];
        read_tag(strtok(NULL, " \r\n"), row->tag);
        row->session = *session;
        for (int n = 0; n < 6; n++) row->figures[n] = _strtoui64(strtok(NULL, " \r\n"), NULL, 10);
    } else if (!strcmp(word, "type")) {
        table->types = more(table->types, table->type_count, &table->type_room, sizeof *table->types);
        struct type *type = &table->types[table->type_count++];
        memset(type, 0, sizeof *type);
        type->objects = strtoul(strtok(NULL, " \r\n"), NULL, 10);
        type->handles = strtoul(strtok(NULL, " \r\n"), NULL, 10);
        strncpy(type->name, strtok(NULL, "\r\n"), sizeof type->name - 1);
    } else die("an unknown directive");
}

static void read_script(void) {
    char line[1024];
    int64_t session = -1;
    FILE *file = fopen(getenv("POOL_SHIM_SCRIPT"), "r");
    if (!file) die("the script cannot be read");
    while (fgets(line, sizeof line, file)) read_line(line, &session);
    fclose(file);
    if (!table_count) die("the script has no table");
}

static void advance(void) {
    struct table *table = &tables[current];
    if (table->hold[0] && GetFileAttributesA(table->hold) == INVALID_FILE_ATTRIBUTES) return;
    if (current + 1 < table_count) current++;
}

/* Only what the kernel shows in 32 bits: the low halves, then never less allocs than frees. */
static void narrow(const uint64_t from[3], uint8_t *allocs) {
    uint32_t counts[2] = {(uint32_t)from[0], (uint32_t)from[1]};
    if (counts[0] < counts[1]) counts[0] = counts[1];
    memcpy(allocs, counts, sizeof counts);
}

static void write_row(const struct row *row, int wide, uint8_t *entry) {
    memcpy(entry, row->tag, 4);
    if (wide) {
        memset(entry + 4, 0, 4);
        memcpy(entry + 8, row->figures, 48);
        uint64_t nonpaged = row->figures[5] + wide_more;
        memcpy(entry + 48, &nonpaged, 8);
        return;
    }
    narrow(row->figures, entry + 4);
    memset(entry + 12, 0, 4);
    memcpy(entry + 16, &row->figures[2], 8);
    narrow(row->figures + 3, entry + 24);
    memcpy(entry + 32, &row->figures[5], 8);
}

static LONG pool_tags(int wide, uint8_t *buffer, ULONG length, ULONG *needed) {
    struct table *table = &tables[current];
    ULONG entry = wide ? 0x38 : 0x28;
    ULONG count = 0;
    if (table->sleep) Sleep(table->sleep);
    if (table->status) {
        LONG status = table->status;
        advance();
        return status;
    }
    /* Below header and one entry the kernel tells the size of exactly that, not its real need. */
    if (length < 8 + entry) {
        if (needed) *needed = 8 + entry;
        return MISMATCH;
    }
    for (size_t n = 0; n < table->count; n++) {
        if (table->rows[n].session >= 0) continue;
        if (8 + (uint64_t)entry * (count + 1) <= length) write_row(&table->rows[n], wide, buffer + 8 + entry * count);
        count++;
    }
    memcpy(buffer, &count, 4);
    memset(buffer + 4, 0, 4);
    if (needed) *needed = 8 + entry * count;
    if (8 + (uint64_t)entry * count > length) {
        if (table->grow) advance();
        return MISMATCH;
    }
    advance();
    return 0;
}

static LONG session_tags(const uint8_t *request, ULONG request_length, ULONG *needed) {
    uint32_t wanted, length;
    uint8_t *buffer;
    if (request_length < 16) return MISMATCH;
    memcpy(&wanted, request, 4);
    memcpy(&length, request + 4, 4);
    memcpy(&buffer, request + 8, 8);
    struct table *table = &tables[current];
    uint64_t used = 0, last = 0;
    int found = 0, fits = 1;
    for (size_t n = 0; n < table->count;) {
        int64_t id = table->rows[n].session;
        size_t end = n;
        while (end < table->count && table->rows[end].session == id) end++;
        if (id >= 0 && (wanted == 0xFFFFFFFF || wanted == (uint32_t)id)) {
            uint64_t size = 16 + 40 * (uint64_t)(end - n);
            if (used + size > length) fits = 0;
            if (fits) {
                uint32_t head[4] = {0, 0, (uint32_t)id, (uint32_t)(end - n)};
                if (found) {
                    uint64_t distance = used - last;
                    memcpy(buffer + last, &distance, 8);
                }
                memcpy(buffer + used, head, 16);
                for (size_t row = n; row < end; row++) write_row(&table->rows[row], 0, buffer + used + 16 + 40 * (row - n));
                last = used;
            }
            used += size;
            found = 1;
        }
        n = end;
    }
    if (needed) *needed = (ULONG)used;
    if (!found) return UNKNOWN_CLASS;
    return fits ? 0 : MISMATCH;
}

static LONG big_pool(uint8_t *buffer, ULONG length, ULONG *needed) {
    ULONG size = 8 + 24 * (ULONG)big_count;
    uint32_t count = (uint32_t)big_count;
    if (status_66) return status_66;
    if (needed) *needed = size;
    if (length < size) return MISMATCH;
    memset(buffer, 0, size);
    memcpy(buffer, &count, 4);
    for (size_t n = 0; n < big_count; n++) {
        memcpy(buffer + 8 + 24 * n, &bigs[n].address, 8);
        memcpy(buffer + 16 + 24 * n, &bigs[n].size, 8);
        memcpy(buffer + 24 + 24 * n, bigs[n].tag, 4);
    }
    return 0;
}

/* Section, mapped base and image base of every module. */
static void zero_bases(ULONG class, uint8_t *buffer) {
    if (class == 11) {
        uint32_t count;
        memcpy(&count, buffer, 4);
        for (uint32_t n = 0; n < count; n++) memset(buffer + 8 + 0x128 * (size_t)n, 0, 24);
        return;
    }
    for (;;) {
        uint16_t next;
        memcpy(&next, buffer, 2);
        if (!next) return;
        memset(buffer + 8, 0, 24);
        memset(buffer + 0x138, 0, 8);
        buffer += next;
    }
}

/* A count of 0, where the script does not ask for Wine's. */
static LONG handles(void *buffer, ULONG length, ULONG *needed) {
    EnterCriticalSection(&lock);
    if (!table_count) read_script();
    LeaveCriticalSection(&lock);
    if (has_handles) return wine_query(64, buffer, length, needed);
    if (needed) *needed = 16;
    if (length < 16) return MISMATCH;
    memset(buffer, 0, 16);
    return 0;
}

static LONG NTAPI query(ULONG class, void *buffer, ULONG length, ULONG *needed) {
    LONG status;
    if (class == 64) return handles(buffer, length, needed);
    if (class != 22 && class != 255 && class != 66 && class != 67) {
        status = wine_query(class, buffer, length, needed);
        if (zero_modules && status == 0 && (class == 11 || class == 77)) zero_bases(class, buffer);
        return status;
    }
    EnterCriticalSection(&lock);
    if (!table_count) read_script();
    if (class == 67) status = session_tags(buffer, length, needed);
    else if (class == 66) status = big_pool(buffer, length, needed);
    else if (class == 255 && !has_255) status = UNKNOWN_CLASS;
    else status = pool_tags(class == 255, buffer, length, needed);
    LeaveCriticalSection(&lock);
    return status;
}

/* Objects and handles of the types that the script names, in Wine's answer: the number of types, then each with its name behind it,
   at multiples of 8. */
static void set_types(const struct table *table, uint8_t *buffer) {
    uint32_t count;
    memcpy(&count, buffer, 4);
    uint8_t *entry = buffer + 8;
    for (uint32_t n = 0; n < count; n++) {
        uint16_t sizes[2];
        memcpy(sizes, entry, 4);
        for (size_t at = 0; at < table->type_count; at++) {
            const struct type *type = &table->types[at];
            size_t same = 0;
            while (type->name[same] && entry[0x68 + 2 * same] == (uint8_t)type->name[same]) same++;
            if (type->name[same] || 2 * same != sizes[0]) continue;
            memcpy(entry + 0x10, &type->objects, 4);
            memcpy(entry + 0x14, &type->handles, 4);
        }
        entry += 0x68 + ((sizes[1] + 7u) & ~7u);
    }
}

static LONG NTAPI query_object(HANDLE object, ULONG class, void *buffer, ULONG length, ULONG *needed) {
    LONG status = wine_object(object, class, buffer, length, needed);
    if (class != 3 || status != 0) return status;
    EnterCriticalSection(&lock);
    if (!table_count) read_script();
    set_types(&tables[current], buffer);
    LeaveCriticalSection(&lock);
    return status;
}

/* Wine 8's console takes the flag for terminal sequences but then prints them. Refused, as by a console before Windows
   10, the program draws through console calls. */
static BOOL WINAPI set_console_mode(HANDLE console, DWORD mode) {
    if (GetFileType(console) == FILE_TYPE_CHAR && (mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING) && (mode & 3)) {
        DWORD now;
        CONSOLE_SCREEN_BUFFER_INFO info;
        if (GetConsoleMode(console, &now) && GetConsoleScreenBufferInfo(console, &info)) {
            SetLastError(ERROR_INVALID_PARAMETER);
            return FALSE;
        }
    }
    return SetConsoleMode(console, mode);
}

/* Puts another function in place of one that the executable imports. */
static void redirect_import(void *from, void *to) {
    uint8_t *base = (uint8_t *)GetModuleHandleA(NULL);
    IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    DWORD at = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress;
    IMAGE_IMPORT_DESCRIPTOR *library = (IMAGE_IMPORT_DESCRIPTOR *)(base + at);
    for (; library->Name; library++) {
        void **slot = (void **)(base + library->FirstThunk);
        for (; *slot; slot++) {
            DWORD old;
            if (*slot != from) continue;
            VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &old);
            *slot = to;
            VirtualProtect(slot, sizeof *slot, old, &old);
        }
    }
}

/* Has a system call of ntdll come to our function; what is handed back does what it did before. */
static void *redirect_call(const char *name, void *target) {
    DWORD old;
    uint8_t *entry = (uint8_t *)GetProcAddress(GetModuleHandleA("ntdll.dll"), name);
    uint8_t *copy = VirtualAlloc(NULL, 64, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    if (!entry || !copy) die("ntdll cannot be redirected");
    /* Wine's system-call stub is shorter than this and does not depend on where it stands. */
    memcpy(copy, entry, 40);
    VirtualProtect(entry, 16, PAGE_EXECUTE_READWRITE, &old);
    entry[0] = 0x48, entry[1] = 0xB8; /* mov rax, target */
    memcpy(entry + 2, &target, 8);
    entry[10] = 0xFF, entry[11] = 0xE0; /* jmp rax */
    VirtualProtect(entry, 16, old, &old);
    return copy;
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD why, void *reserved) {
    (void)self;
    (void)reserved;
    if (why != DLL_PROCESS_ATTACH || !getenv("POOL_SHIM_SCRIPT")) return TRUE;
    InitializeCriticalSection(&lock);
    redirect_import((void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "SetConsoleMode"), (void *)set_console_mode);
    wine_query = (query_fn)redirect_call("NtQuerySystemInformation", (void *)query);
    wine_object = (object_fn)redirect_call("NtQueryObject", (void *)query_object);
    return TRUE;
}
