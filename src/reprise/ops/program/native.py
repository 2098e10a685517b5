"""Statements as machine code for the processor at hand, made by LLVM."""
import ctypes
from ctypes.util import find_library
from typing import NamedTuple

import llvmlite.binding as llvm
from llvmlite import ir

from reprise.ops.program.control import word
from reprise.ops.program.loops import Loops
from reprise.ops.program.lowering import Buffer, Lowering

__all__ = ["Native", "compile_native"]

ALIGNED = 64  # bytes: where scratch begins


class Native(NamedTuple):
    """`call(constants, scratch, inputs ..., outputs ...)`, all addresses; constants is that of a table of them."""

    call: object
    scratch: int  # bytes it needs
    engine: object  # owns the code


def compile_native(lowered: Lowering) -> Native:
    others = [i for i, b in enumerate(lowered.buffers) if b.role == "input"] + [z.buffer for z in lowered.results]
    module = ir.Module("reprise")
    scratch = _entry(module, _body(module, lowered), lowered.buffers, others)
    engine = _engine(str(module))
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (2 + len(others)))
    return Native(signature(engine.get_function_address("program")), scratch, engine)


def _body(module: ir.Module, lowered: Lowering) -> ir.Function:
    """A function of all buffers, which may trust that none meet."""
    body = ir.Function(module, ir.FunctionType(ir.VoidType(), [ir.PointerType()] * len(lowered.buffers)), "body")
    body.linkage = "internal"
    for argument in body.args:
        argument.add_attribute("noalias")
    build = ir.IRBuilder(body.append_basic_block("entry"))
    loops = Loops(build, lowered.buffers, list(body.args))
    for statement in lowered.statements:
        loops.emit(statement)
    build.ret_void()
    return body


def _entry(module: ir.Module, body: ir.Function, buffers: list[Buffer], others: list[int]) -> int:
    """What is called from outside: finds every buffer for `body`. Returns the bytes of scratch."""
    signature = ir.FunctionType(ir.VoidType(), [ir.PointerType()] * (2 + len(others)))
    program = ir.Function(module, signature, "program")
    build, used, constants, pointers = ir.IRBuilder(program.append_basic_block("entry")), 0, 0, []
    for i, buffer in enumerate(buffers):
        if buffer.role == "constant":
            place = build.gep(program.args[0], [word(constants)], source_etype=ir.PointerType())
            pointers.append(build.load(place, typ=ir.PointerType()))
            constants += 1
        elif buffer.role == "scratch":
            pointers.append(build.gep(program.args[1], [word(used)], source_etype=ir.IntType(8)))
            used += -(-buffer.size * buffer.dtype.itemsize // ALIGNED) * ALIGNED
        else:
            pointers.append(program.args[2 + others.index(i)])
    build.call(body, pointers)
    build.ret_void()
    return used


def _machine() -> llvm.TargetMachine:
    """One for each engine, which will own it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    library = find_library("m")
    if library:
        llvm.load_library_permanently(library)
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True)


def _engine(text: str) -> llvm.ExecutionEngine:
    machine, module = _machine(), llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = True
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
