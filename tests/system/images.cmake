# Images, and the real Apptainer. The first test that needs them makes the images.
reprise_add_system_test(containers_test)
reprise_add_system_test(images_test)
reprise_add_system_test(sites_test)
set_property(TEST images_test APPEND PROPERTY ENVIRONMENT
             "REPRISE_HELPER=$<TARGET_FILE:reprise-run-helper>")
