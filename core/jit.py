"""The gate to the compiler: with reference.py, table.py and thrift.py the only file that imports numba, and every compiler option with its reason.

The engine is compiled once for all policies: a policy's decision functions enter as typed function pointers, so a new policy costs the
compilation of its own few lines. So do the procedures of its era, and the two halves can be compiled side by side. Numba's disk cache does not
notice edits made in another file, therefore the cache directory is named by a hash of core's sources and a changed file simply means another
directory.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba
from llvmlite import ir  # type: ignore[import-untyped]
from llvmlite.binding import Linkage, parse_assembly, set_option  # type: ignore[import-untyped]
from numba import _dynfunc, types  # type: ignore[attr-defined]
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering, NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes
from numba.experimental.function_type import _get_wrapper_address
from numba.extending import intrinsic

from core import thrift
from core.reference import Reference, refer

F = TypeVar("F", bound=Callable[..., Any])

config: Any = numba.config
njit: Any = numba.njit

JIT_ENABLED = not config.DISABLE_JIT


CORE: Final = Path(__file__).parent


def policy_directories() -> tuple[Path, ...]:
    """Where policies lie: core/policies, then the directories of $HIGHWATER_POLICY_PATH (separated as in $PATH)."""
    more = os.environ.get("HIGHWATER_POLICY_PATH", "")
    return (CORE / "policies", *(Path(directory).resolve() for directory in more.split(os.pathsep) if directory))


def sources_hash() -> str:
    """SHA-256 (16 hex digits) of core's sources without the policies, and of the Numba version: the engine is the same for all of them."""
    shipped = policy_directories()[0]
    return _hash([path for path in CORE.rglob("*.py") if shipped not in path.parents], numba.__version__)


def policies_hash() -> str:
    """SHA-256 (16 hex digits) of all policies."""
    return _hash([path for directory in policy_directories() for path in directory.glob("*.py")], "")


def _hash(paths: list[Path], start: str) -> str:
    sha = hashlib.sha256(start.encode())
    for path in sorted(paths):
        name = path.relative_to(CORE) if CORE in path.parents else path
        sha.update(name.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def cache_dir() -> Path:
    """Where compiled code is kept: $HIGHWATER_CACHE_DIR, else $XDG_CACHE_HOME/highwater, else ~/.cache/highwater; node-local disk."""
    named = os.environ.get("HIGHWATER_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(named) if named else home / "highwater") / f"numba-{sources_hash()}"


config.CACHE_DIR = str(cache_dir())
if platform.machine() in ("x86_64", "AMD64"):
    # What the sources choose without a branch nobody can foresee, but in loops LLVM makes branches of such choices: one of them cost a seventh of a run.
    set_option("", "-x86-cmov-converter=0")
config.LOOP_VECTORIZE = config.SLP_VECTORIZE = 0  # there is nothing to vectorise; without looking for it the optimiser takes two thirds of the time


OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": False}
CALLEE: dict[str, Any] = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": False}  # said, for callees inherit it


class _CalleeLibrary(JITCodeLibrary):
    """Code of a function that only compiled code calls: neither optimised nor turned into machine code on its own, only linked into its callers.

    Numba's own libraries do both for every function together with all that it calls, so the leaves would be compiled once for each level above them.
    """

    def add_ir_module(self, ir_module: Any) -> None:
        _leave_results_unset(ir_module)
        super().add_ir_module(ir_module)

    def _optimize_functions(self, ll_module: Any) -> None:
        """As Numba does, but for those alone that have a body."""
        ll_module.data_layout = self._codegen._data_layout
        for function in ll_module.functions:
            if not function.is_declaration:
                passes, builder = self._codegen._function_pass_manager()
                passes.run(function, builder)

    def finalize(self) -> None:
        self._finalized = True


class _OutlinedLibrary(_CalleeLibrary):
    """A callee that stays a function of its own."""

    def add_ir_module(self, ir_module: Any) -> None:
        for function in ir_module.functions:
            if not function.is_declaration:
                function.attributes.add("noinline")
        super().add_ir_module(ir_module)


class _EntryLibrary(JITCodeLibrary):
    """Code of a function that Python calls, with all that it needs."""

    def add_linking_library(self, library: Any) -> None:
        for needed in _closure(library, {}):
            super().add_linking_library(needed)

    def _get_module_for_linking(self) -> Any:
        """What the cache keeps beside the machine code: that these functions exist. Nobody links an entry, so each process would parse their code in vain."""
        names = [f.name for f in self._final_module.functions if not f.is_declaration and f.linkage == Linkage.external]
        return parse_assembly("\n".join(f'define void @"{name}"() {{ unreachable }}' for name in names))

    def _optimize_final_module(self) -> None:
        """Callees are nobody else's: the optimiser may drop the words of Memory that they do not use from their arguments."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = "internal"
        super()._optimize_final_module()


def _leave_results_unset(ir_module: Any) -> None:
    """Drop the zeros that Numba stores where a call will store its result or its error: at the call and at the entry of the function.

    Those of the entry stay where a function is inlined: 34 stores for each step of an actor.
    """
    for function in ir_module.functions:
        calls = (i for block in function.blocks for i in block.instructions if isinstance(i, ir.CallInstr) and len(i.args) > 1)
        slots = {id(slot) for call in calls if _is_slot(call.args[1], "excinfo") for slot in call.args[:2] if _is_slot(slot)}
        for block in function.blocks if slots else ():
            unset = [i for i in block.instructions if isinstance(i, ir.StoreInstr) and id(i.operands[1]) in slots and _is_zero(i.operands[0])]
            if unset:
                gone = set(map(id, unset))
                block.instructions[:] = [i for i in block.instructions if id(i) not in gone]


def _is_slot(value: Any, name: str = "") -> bool:
    return isinstance(value, ir.AllocaInstr) and value.name.startswith(name)


def _is_zero(value: Any) -> bool:
    return isinstance(value, ir.Constant) and value.constant in (None, 0)


def _closure(library: Any, found: dict[Any, None]) -> dict[Any, None]:
    """``library`` and all that it needs, in order of first mention."""
    if library not in found:
        found[library] = None
        if isinstance(library, _CalleeLibrary):
            for needed in library._linking_libraries:
                _closure(needed, found)
    return found


@register_pass(mutates_CFG=True, analysis_only=False)
class _CalleeLowering(NativeLowering):
    """Numba's lowering without its last step, machine code: a function object without an address stands for the callee."""

    _name = "callee_lowering"

    def run_pass(self, state: Any) -> bool:
        state.flags.no_compile = True
        super().run_pass(state)
        lowered, fndesc = state.cr, state.cr.fndesc
        callee = _dynfunc.make_function(fndesc.lookup_module(), fndesc.qualname, "", 0, lowered.env, (state.library,))
        state.targetctx.insert_user_function(callee, fndesc, [state.library])
        state.cr = _LowerResult(fndesc, lowered.call_helper, cfunc=callee, env=lowered.env)
        return True


class _Compiler(CompilerBase):
    library: Any

    def _set_library(self) -> None:
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.library.enable_object_caching()


class _CalleeCompiler(_Compiler):
    library = _CalleeLibrary

    def define_pipelines(self) -> list[Any]:
        self._set_library()
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        needless = (InlineClosureLikes, NopythonRewrites)  # for closures and array expressions
        passes = [step for step in pipeline.passes if step[0] not in needless]
        pipeline.passes = [(_CalleeLowering if kind is NativeLowering else kind, text) for kind, text in passes]
        pipeline.finalize()
        return [pipeline]


class _OutlinedCompiler(_CalleeCompiler):
    library = _OutlinedLibrary


class _EntryCompiler(_Compiler):
    library = _EntryLibrary

    def define_pipelines(self) -> list[Any]:
        self._set_library()
        return [DefaultPassBuilder.define_nopython_pipeline(self.state)]


def jit(function: F) -> F:
    """Compile in nopython mode for callers that are compiled themselves.

    No fastmath, no parallel: the same bits on every machine and interpreted. Without the wrappers that Python would call, which unbox the whole of Memory
    in every function and take most of the compiler's time; from Python use ``function.py_func`` or an ``entry``.
    """
    return cast(F, _plain_integers(njit(pipeline_class=_CalleeCompiler, **CALLEE)(function)))


def inlined(function: F) -> F:
    """Compile as ``jit`` does, for small functions that are called often: a call costs more than they do."""
    return cast(F, _plain_integers(njit(pipeline_class=_CalleeCompiler, **CALLEE | {"forceinline": True})(function)))


def outlined(function: F) -> F:
    """Compile as ``jit`` does, for the procedures of actors and what is seldom called.

    The optimiser finds every function with one caller worth inlining; the engine would become one function, for whose size the compiler takes minutes.
    """
    return cast(F, _plain_integers(njit(pipeline_class=_OutlinedCompiler, **CALLEE)(function)))


def entry(function: F) -> F:
    """Compile a function that Python calls."""
    return cast(F, _plain_integers(njit(cache=True, pipeline_class=_EntryCompiler, **OPTIONS)(function)))


def unit(function: F) -> F:
    """Compile a function of state by reference and an integer that the engine calls through a pointer: apart from the engine, and only if it is needed."""
    return cast(F, _plain_integers(njit(cache=True, pipeline_class=_EntryCompiler, **OPTIONS | {"no_cpython_wrapper": True})(function)))


def _plain_integers(dispatcher: Any) -> Any:
    """See every integer argument as int64. Otherwise each constant and each narrow field would compile a version of its own: 344 instead of 161 functions."""
    if not JIT_ENABLED:
        return dispatcher
    resolve = dispatcher.get_call_template

    def get_call_template(args: Any, kws: Any) -> Any:
        return resolve(tuple(types.int64 if isinstance(a, types.Integer | types.IntegerLiteral) else a for a in args), kws)

    dispatcher.get_call_template = get_call_template
    return dispatcher


if JIT_ENABLED:
    thrift.spare_the_start()
    thrift.spare_the_compiler()


def _prefetch(_typing: Any, array: Any, index: Any) -> Any:
    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        items = cgutils.create_struct_proxy(sig.args[0])(context, builder, args[0])
        address = builder.bitcast(builder.gep(items.data, [args[1]]), cgutils.voidptr_t)
        i32 = ir.IntType(32)
        hint = builder.module.declare_intrinsic("llvm.prefetch", [address.type], ir.FunctionType(ir.VoidType(), [address.type, i32, i32, i32]))
        builder.call(hint, [address, i32(1), i32(3), i32(1)])  # to be written, keep in all caches, data
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


def _no_prefetch(array: Any, index: int) -> None:
    """Interpreted: a hint has no effect on results."""


# by_reference(named_tuple): what compiled callees take in its place, see reference.py; valid until the entry that made it returns.
by_reference: Any = refer if JIT_ENABLED else lambda target: target


# prefetch(array, index): bring an item of a one-dimensional contiguous array into the cache. Pages are met in an order that the processor cannot foresee, and
# waiting for their records was more than half of the cost of a miss.
prefetch: Any = intrinsic(_prefetch) if JIT_ENABLED else _no_prefetch


def decision(function: F) -> F:
    """Compile a policy's function, which the engine calls through a pointer to its C wrapper.

    The policies have a directory of their own in the cache, named by a hash of all of them: an edit costs the compilation of their few lines, not the engine's.
    """
    engine = config.CACHE_DIR
    config.CACHE_DIR = str(Path(engine) / f"policies-{policies_hash()}")
    try:
        return entry(function)
    finally:
        config.CACHE_DIR = engine


TUNABLES = types.Array(types.int64, 1, "C")


def signature(arguments: int) -> Any:
    """Type of a decision function: ``arguments`` int64 and the policy's own tunables (int64[:]) to int64."""
    return types.int64(*([types.int64] * arguments), TUNABLES)


class _Pointer(types.WrapperAddressProtocol):
    """A compiled function seen by the engine as a typed pointer, so that the engine does not depend on which function it is."""

    def __init__(self, dispatcher: Any, sig: Any) -> None:
        self.dispatcher, self.sig = dispatcher, sig

    def __wrapper_address__(self) -> int:
        return int(_get_wrapper_address(self.dispatcher, self.sig))

    def signature(self) -> Any:
        return self.sig


def pointer(function: Callable[..., int], arguments: int) -> Any:
    """``function`` as the engine takes it: a typed pointer when compiling, the plain function when interpreted."""
    if not JIT_ENABLED:
        return function
    dispatcher = function if hasattr(function, "py_func") else njit(function)
    return _Pointer(dispatcher, signature(arguments))


def compile_entry(function: Any, *arguments: Any) -> None:
    """Compile an ``entry`` for such arguments, or load it, without a call."""
    function.compile(tuple(map(numba.typeof, arguments)))


def compile_unit(pointer: Any) -> None:
    """Compile what ``unit_pointer`` has found, or load it."""
    pointer.__wrapper_address__()


def unit_pointer(function: Callable[..., int], *state: Any) -> Any:
    """A ``unit`` as the engine takes it; ``state`` are the named tuples that the engine passes it by reference, of the same types in each run."""
    if not JIT_ENABLED:
        return function
    if function not in _UNITS:
        _UNITS[function] = _Pointer(function, types.int64(*(Reference(numba.typeof(one)) for one in state), types.int64))
    return _UNITS[function]


_UNITS: dict[Any, _Pointer] = {}  # what a type is takes longer than a small simulation
