/* A libnvidia-ml.so.1 without a GPU: answers what stands in the file that FAKE_NVML names, read
 * anew at each call, so that a test (or a service under test) changes it as time goes by.
 *
 *   gpu 0 GPU-aaaa Some-GPU 1000000                   index, uuid, name, bytes of memory
 *   0 utilisation 55                                 then values of that GPU, the last one counts
 *   0 process 4711 300000                            a compute process and its bytes
 *   init 9                                           what nvmlInit returns instead of success
 *
 * A value that is not given is answered with NVML_ERROR_NOT_SUPPORTED. Signatures are those of
 * nvml.h (https://docs.nvidia.com/deploy/nvml-api/).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };
enum { MOST = 64 };

typedef unsigned long long u64;
typedef void *device_t;
typedef struct { u64 total, free, used; } memory_t;
typedef struct { unsigned version; u64 total, reserved, free, used; } memory_v2_t;
typedef struct { unsigned gpu, memory; } utilisation_t;
typedef struct { unsigned pid; u64 used; unsigned instance, compute; } process_t;
typedef struct { int index; char uuid[96], name[96]; u64 memory; } gpu_t;

static FILE *state(void) {
    const char *path = getenv("FAKE_NVML");
    return path ? fopen(path, "r") : NULL;
}

static int gpus(gpu_t *found) {
    FILE *file = state();
    char line[256];
    int count = 0;
    while (file && fgets(line, sizeof line, file) && count < MOST) {
        gpu_t *gpu = &found[count];
        if (sscanf(line, "gpu %d %95s %95s %llu", &gpu->index, gpu->uuid, gpu->name, &gpu->memory) == 4)
            count++;
    }
    if (file) fclose(file);
    return count;
}

/* A device is its index plus one, so that none is NULL. */
static int index_of(device_t device) { return (int)(size_t)device - 1; }

static int find(device_t device, gpu_t *gpu) {
    gpu_t all[MOST];
    int count = gpus(all);
    for (int i = 0; i < count; i++)
        if (all[i].index == index_of(device)) { *gpu = all[i]; return SUCCESS; }
    return NOT_FOUND;
}

static int value(device_t device, const char *wanted, u64 *answer) {
    FILE *file = state();
    char line[256], name[96];
    int index, result = NOT_SUPPORTED;
    u64 number;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%d %95s %llu", &index, name, &number) == 3
            && index == index_of(device) && !strcmp(name, wanted)) {
            *answer = number;
            result = SUCCESS;
        }
    if (file) fclose(file);
    return result;
}

static int number(device_t device, const char *wanted, unsigned *answer) {
    u64 found;
    int result = value(device, wanted, &found);
    if (result == SUCCESS) *answer = (unsigned)found;
    return result;
}

int nvmlInitWithFlags(unsigned flags) {
    FILE *file = state();
    char line[256];
    int result = SUCCESS;
    (void)flags;
    while (file && fgets(line, sizeof line, file)) sscanf(line, "init %d", &result);
    if (file) fclose(file);
    return result;
}

int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int result) { (void)result; return "Fake error"; }

int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    snprintf(version, length, "570.00-fake");
    return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    gpu_t all[MOST];
    *count = gpus(all);
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device_t *device) {
    gpu_t gpu;
    *device = (device_t)(size_t)(index + 1);
    return find(*device, &gpu);
}

int nvmlDeviceGetHandleByUUID(const char *uuid, device_t *device) {
    gpu_t all[MOST];
    int count = gpus(all);
    for (int i = 0; i < count; i++)
        if (!strcmp(all[i].uuid, uuid)) {
            *device = (device_t)(size_t)(all[i].index + 1);
            return SUCCESS;
        }
    return NOT_FOUND;
}

int nvmlDeviceGetUUID(device_t device, char *uuid, unsigned length) {
    gpu_t gpu;
    int result = find(device, &gpu);
    if (result == SUCCESS) snprintf(uuid, length, "%s", gpu.uuid);
    return result;
}

int nvmlDeviceGetName(device_t device, char *name, unsigned length) {
    gpu_t gpu;
    int result = find(device, &gpu);
    if (result == SUCCESS) snprintf(name, length, "%s", gpu.name);
    return result;
}

int nvmlDeviceGetMemoryInfo(device_t device, memory_t *memory) {
    gpu_t gpu;
    int result = find(device, &gpu);
    if (result != SUCCESS) return result;
    u64 used = 0, reserved = 0;
    value(device, "used", &used);
    value(device, "reserved", &reserved);
    memory->total = gpu.memory;
    memory->used = used + reserved;
    memory->free = gpu.memory - memory->used;
    return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(device_t device, memory_v2_t *memory) {
    gpu_t gpu;
    int result = find(device, &gpu);
    if (result != SUCCESS) return result;
    if (memory->version != (sizeof(memory_v2_t) | 2u << 24)) return INVALID_ARGUMENT;
    u64 used = 0, reserved = 0;
    value(device, "used", &used);
    value(device, "reserved", &reserved);
    memory->total = gpu.memory;
    memory->reserved = reserved;
    memory->used = used;
    memory->free = gpu.memory - used - reserved;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(device_t device, utilisation_t *rates) {
    rates->memory = 0;
    number(device, "memory_utilisation", &rates->memory);
    return number(device, "utilisation", &rates->gpu);
}

int nvmlDeviceGetPowerUsage(device_t device, unsigned *milliwatts) {
    return number(device, "power", milliwatts);
}

int nvmlDeviceGetTotalEnergyConsumption(device_t device, u64 *millijoules) {
    return value(device, "energy", millijoules);
}

int nvmlDeviceGetTemperature(device_t device, int sensor, unsigned *celsius) {
    return sensor == 0 ? number(device, "temperature", celsius) : INVALID_ARGUMENT;
}

int nvmlDeviceGetClockInfo(device_t device, int type, unsigned *megahertz) {
    return number(device, type == 1 ? "sm_clock" : type == 2 ? "memory_clock" : "", megahertz);
}

int nvmlDeviceGetCurrentClocksEventReasons(device_t device, u64 *reasons) {
    return value(device, "reasons", reasons);
}

int nvmlDeviceGetComputeRunningProcesses_v3(device_t device, unsigned *count, process_t *found) {
    FILE *file = state();
    char line[256];
    int index;
    unsigned pid, listed = 0, room = *count;
    u64 used;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "%d process %u %llu", &index, &pid, &used) == 3 && index == index_of(device)) {
            if (found && listed < room) found[listed] = (process_t){pid, used, ~0u, ~0u};
            listed++;
        }
    if (file) fclose(file);
    *count = listed;
    return listed > room ? INSUFFICIENT_SIZE : SUCCESS;
}
