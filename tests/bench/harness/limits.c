// What the machine can do: memory, multiply-adds, vector functions, on the number of threads given.
// Build: cc -O3 -march=native -ffast-math -fopenmp limits.c -o limits -lm
// Prints lines `name value`: bytes, operations or elements per second, the best of some tries.
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// The widest vectors of the machine, and how they are written past the caches.
#if defined __AVX512F__
#include <immintrin.h>
#define VECTOR_BYTES 64
#define STREAM(to, value) _mm512_stream_pd(to, (__m512d)(value))
#elif defined __AVX__
#include <immintrin.h>
#define VECTOR_BYTES 32
#define STREAM(to, value) _mm256_stream_pd(to, (__m256d)(value))
#else
#define VECTOR_BYTES 16
#define STREAM(to, value) (*(vector *)(to) = (value))
#endif
#ifdef __x86_64__
#define IN_REGISTER "+v"
#else
#define IN_REGISTER "+w"
#endif

enum { TRIES = 4, TILE = 1024, CHAINS = 12, SUMS = 8, LANES = VECTOR_BYTES / 8 };
typedef double vector __attribute__((vector_size(VECTOR_BYTES)));
typedef float vectorf __attribute__((vector_size(VECTOR_BYTES)));

#define BEST(...)                                  \
    ({                                             \
        double best = 1e30;                        \
        for (int k = 0; k < TRIES; k++) {          \
            double start = omp_get_wtime();        \
            __VA_ARGS__;                           \
            double took = omp_get_wtime() - start; \
            if (took < best) best = took;          \
        }                                          \
        best;                                      \
    })

static void say(const char *name, double rate) {
    printf("%s %.6g\n", name, rate);
    fflush(stdout);
}

static double *new_array(size_t n) {
    double *p = aligned_alloc(1 << 21, n * 8);
    if (!p) exit(1);
    return p;
}

static void memory(size_t n) {
    double *a = new_array(n), *b = new_array(n), *c = new_array(n), sum = 0;
#pragma omp parallel for
    for (size_t i = 0; i < n; i++) a[i] = 1, b[i] = 2, c[i] = 3;
    double triad = BEST(
        _Pragma("omp parallel for")
        for (size_t i = 0; i < n; i += LANES) STREAM(a + i, *(vector *)(b + i) + 3.0 * *(vector *)(c + i)));
    double read = BEST(_Pragma("omp parallel for simd reduction(+ : sum)") for (size_t i = 0; i < n; i++) sum += b[i]);
    double write = BEST(_Pragma("omp parallel for simd") for (size_t i = 0; i < n; i++) a[i] = sum);
    say("triad", 24.0 * n / triad);
    say("read", 8.0 * n / read);
    say("write", 8.0 * n / write);
    free(a), free(b), free(c);
}

// Chains that do not wait for each other, enough to cover the latency of a multiply-add.
#define PEAK(NAME, TYPE)                                                                    \
    static void NAME(long rounds) {                                                         \
        TYPE x = (TYPE){} + 0.999f, y = (TYPE){} + 1e-9f, a[CHAINS] = {};                   \
        for (long r = 0; r < rounds; r++)                                                   \
            _Pragma("GCC unroll 12") for (int k = 0; k < CHAINS; k++) {                     \
                a[k] = a[k] * x + y;                                                        \
                __asm__ volatile("" : IN_REGISTER(a[k]));                                   \
            }                                                                               \
    }
PEAK(peak64, vector)
PEAK(peak32, vectorf)

static void dot(long rounds) {
    double *p = new_array(1 << 18), *q = new_array(1 << 18);
    vector sums[SUMS] = {};
    for (int i = 0; i < TILE; i++) p[i] = q[i] = 1;
    for (long r = 0; r < rounds; r++) {
        for (int i = 0; i < TILE; i += SUMS * LANES)
            _Pragma("GCC unroll 8") for (int k = 0; k < SUMS; k++)
                sums[k] += *(vector *)(p + i + LANES * k) * *(vector *)(q + i + LANES * k);
        __asm__ volatile("" : : "r"(p), "r"(q) : "memory");
        _Pragma("GCC unroll 8") for (int k = 0; k < SUMS; k++) __asm__ volatile("" : IN_REGISTER(sums[k]));
    }
    free(p), free(q);
}

static inline double uniform(uint64_t index) {
    uint64_t z = index * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return (double)(int64_t)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

// A formula over a tile that stays in the nearest cache.
#define TILES(NAME, FORMULA)                                        \
    static void NAME(long rounds) {                                 \
        double in[TILE], out[TILE];                                 \
        for (int i = 0; i < TILE; i++) in[i] = i * 0.006 + 0.001;   \
        for (long r = 0; r < rounds; r++) {                         \
            _Pragma("omp simd") for (int i = 0; i < TILE; i++) {    \
                double x = in[i];                                   \
                (void)x;                                            \
                out[i] = FORMULA;                                   \
            }                                                       \
            __asm__ volatile("" : : "r"(in), "r"(out) : "memory");  \
        }                                                           \
    }
TILES(sines, sin(x))
TILES(cosines, cos(x))
TILES(logarithms, log(x))
TILES(roots, sqrt(x))
TILES(uniforms, uniform((uint64_t)r * TILE + i))

static double seconds(void (*work)(long), long rounds) {
    return BEST(_Pragma("omp parallel") work(rounds));
}

int main(int count, char **words) {
    int threads = count > 1 ? atoi(words[1]) : omp_get_num_procs();
    omp_set_num_threads(threads);
    memory((size_t)32 << 20);
    double per_thread = threads;
    long rounds = 8000000;
    say("fma64", per_thread * rounds * CHAINS * LANES * 2 / seconds(peak64, rounds));
    say("fma32", per_thread * rounds * CHAINS * 2 * LANES * 2 / seconds(peak32, rounds));
    say("multiply_add", per_thread * 1000000 * TILE / seconds(dot, 1000000));
    rounds = 100000;
    double elements = per_thread * rounds * TILE;
    double sine = seconds(sines, rounds), cosine = seconds(cosines, rounds), draw = seconds(uniforms, rounds);
    double pair = (seconds(logarithms, rounds) + seconds(roots, rounds) + sine + cosine) / 2 + draw;
    say("sin", elements / sine);
    say("cos", elements / cosine);
    say("uniform", elements / draw);
    say("normal", elements / pair);
    return 0;
}
