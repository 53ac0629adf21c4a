# What belongs to an installed reprise beside its programs: the wrapper that cluster_utils starts
# (beside the program, where it looks first), the batch scripts and the learner with its settings.
install(PROGRAMS "${PROJECT_SOURCE_DIR}/scripts/run_mpi.py"
        DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/hp_optim" "${PROJECT_SOURCE_DIR}/slurm"
                  "${PROJECT_SOURCE_DIR}/htcondor"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/reprise"
        USE_SOURCE_PERMISSIONS
        PATTERN "__pycache__" EXCLUDE)
